"""The probes of a device: passes over memory, products of every dtype, the shortest call."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import torch

from bench.cases.case import DTYPES
from bench.machine.ceilings.rounds import Probe
from bench.state.float32 import float32_products
from bench.timing.clocks.cpu import last_level_cache_bytes

LAUNCH = "launch"
NUM_SIZES = 6
SMALLEST_BYTES = 256 << 10
LARGEST_BYTES = {"cpu": 512 << 20, "cuda": 2 << 30}  # a larger pass would only take longer
# The largest pass moves so many times the last-level cache, so that memory serves it: the L2 of a
# GPU keeps what it can of a pass that is a few times as large.
CACHES = {"cpu": 4, "cuda": 16}
UNKNOWN_CACHE_BYTES = 64 << 20
PAGE_BYTES = 4096

CPU_SIZES = (128, 192, 384, 768, 1536, 3072)  # threes: no power of two suits every kernel
CUDA_SIZES = (1024, 2048, 4096, 8192)
LONGEST_PRODUCT_S = 0.04  # a type without units of its own stays at small products

Step = Callable[[Any], tuple[Any, ...]]

_FLOAT32_BYTES = 4


def probes_of(device: torch.device) -> list[Probe]:
    """Return every probe of a device, set up."""
    products = [*_products(device), *_float32_by_tf32(device)]
    return [*_passes(device), *products, *_shortest_calls(device)]


def pass_sizes(cache_bytes: int | None, kind: str = "cpu") -> list[int]:
    """Return the bytes that passes move: log-spaced, from a private cache's to memory's."""
    wanted = min(CACHES[kind] * (cache_bytes or UNKNOWN_CACHE_BYTES), LARGEST_BYTES[kind])
    factor = max(wanted / SMALLEST_BYTES, 2.0) ** (1 / (NUM_SIZES - 1))
    sizes = [SMALLEST_BYTES * factor**i for i in range(NUM_SIZES)]
    return [round(size / PAGE_BYTES) * PAGE_BYTES for size in sizes]


def _passes(device: torch.device) -> Iterator[Probe]:
    """Yield copy, in-place add and sum at every size; each counts the bytes it reads and writes.

    They differ in what a write costs: a copy may have to fetch the line it overwrites.
    """
    sizes = pass_sizes(_cache_bytes(device), device.type)
    pool = torch.ones(sizes[-1] // _FLOAT32_BYTES, device=device)
    for moved in sizes:
        whole = pool[: moved // _FLOAT32_BYTES]
        half, other = whole.chunk(2)
        kind = f"pass of {moved}"
        yield Probe(kind, "copy", moved, _returning(other.copy_, half))
        yield Probe(kind, "add in place", moved, _returning(half.add_, 1.0))
        yield Probe(kind, "sum", moved, _returning(whole.sum))


def _products(device: torch.device) -> Iterator[Probe]:
    """Yield square products of every dtype, as large as it can do in a short time."""
    for dtype in DTYPES:
        rate = math.inf
        for size in CPU_SIZES if device.type == "cpu" else CUDA_SIZES:
            flops = 2 * size**3
            if flops / rate > LONGEST_PRODUCT_S:
                break
            try:
                product = _product(size, getattr(torch, dtype), device)
                product(None)
            except RuntimeError:  # no such product here, or no memory for it
                break
            yield Probe(dtype, str(size), flops, product)
            rate = flops / min(_once_s(product, device) for _ in range(2))


def _float32_by_tf32(device: torch.device) -> Iterator[Probe]:
    """Yield float32 products of three TF32 products each, which keep about its precision.

    Fused kernels compute float32 so on tensor cores (Ootomo and Yokota 2022, arXiv:2203.03341): a
    bound by the plain rate alone would call them impossible.
    """
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return
    for size in CUDA_SIZES:
        product = _product(size, torch.float32, device)
        yield Probe("float32", str(size), 2 * size**3 / 3, _in_tf32(product))


def _in_tf32(step: Step) -> Step:
    def call(inputs: Any) -> tuple[Any, ...]:
        with float32_products("tf32"):
            return step(inputs)

    return call


def _product(size: int, dtype: torch.dtype, device: torch.device) -> Step:
    """Return A B^T, both in rows: the layout of a linear layer, and the fastest or nearly."""
    generator = torch.Generator(device).manual_seed(0)
    shape = (2, size, size)
    left, right = torch.randn(shape, generator=generator, device=device).to(dtype)
    product = torch.empty_like(left)
    return lambda _: (torch.mm(left, right.T, out=product),)


def _shortest_calls(device: torch.device) -> list[Probe]:
    """Return calls that do the least: one element on a CPU, an empty kernel on CUDA."""
    if device.type == "cuda":
        return [Probe(LAUNCH, "empty kernel", 1.0, _returning(torch.cuda._sleep, 0))]
    one = torch.ones(1)
    return [
        Probe(LAUNCH, "zero", 1.0, _returning(one.zero_)),
        Probe(LAUNCH, "add in place", 1.0, _returning(one.add_, 1.0)),
    ]


def _returning(method: Callable[..., Any], *arguments: Any) -> Step:
    """Make a clock's call of a function: it ignores the inputs."""
    return lambda _: (method(*arguments),)


def _once_s(step: Step, device: torch.device) -> float:
    _finish(device)
    started = perf_counter()
    step(None)
    _finish(device)
    return perf_counter() - started


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _cache_bytes(device: torch.device) -> int | None:
    if device.type == "cpu":
        return last_level_cache_bytes()
    found: int = torch.cuda.get_device_properties(device).L2_cache_size
    return found
