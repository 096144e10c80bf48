"""Switches of torch: every one that it has a getter and a setter for, and a few without a pair."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from bench.state.switch import Kind, Switch

_PRECISION = ("tf32", "float32", "fp16", "bf16", "reduced_precision")
# of a moment, of a thread's name, or of what torch says: they move no result and no time
_NOT_SWITCHES = ("thread_name", "graph_exec_group", "tracing_state", "warn", "autograd_fallback")
_OPERATORS = ("all", "matmul", "conv", "rnn")


def torch_switches() -> Iterator[Switch]:
    """Yield what a case asks for first, then what torch is told to compute with."""
    yield Switch("threads", "asked", torch.get_num_threads, torch.set_num_threads)
    yield Switch("default_dtype", "asked", torch.get_default_dtype, torch.set_default_dtype)
    yield Switch("default_device", "asked", torch.get_default_device, _set_default_device)
    yield Switch("grad", "asked", torch.is_grad_enabled, torch._C._set_grad_enabled)
    yield Switch("inference_mode", "asked", torch.is_inference_mode_enabled)
    yield Switch("anomaly_detection", "asked", torch.is_anomaly_enabled, _set_anomaly)
    yield Switch("function_modes", "asked", lambda: _types(_get_current_function_mode_stack()))
    yield Switch("dispatch_modes", "asked", lambda: _types(_get_current_dispatch_mode_stack()))
    yield Switch("interop_threads", "told", torch.get_num_interop_threads)
    yield from _pairs()
    for kind in ("cpu", "cuda"):
        yield from _autocast(kind)
    yield from _float32_products()
    yield from _attention()


def decide_at_once(device: str) -> None:
    """Let torch choose between kernels once; it sets the order of its choice when it first does.

    On Hopper and Blackwell the first choice for attention on a GPU puts cuDNN's kernel first, over
    any order that was set before (aten/native/transformers/cuda/sdp_utils.cpp, `priority_order`).
    """
    few = torch.zeros(1, 1, 8, 8, device=device)
    torch._fused_sdp_choice(few, few, few)


def _pairs() -> Iterator[Switch]:
    """Yield what torch's core can be asked and told under one name."""
    for getter in (name for name in dir(torch._C) if name.startswith("_get_")):
        name = getter.removeprefix("_get_")
        setter = getattr(torch._C, f"_set_{name}", None)
        read = getattr(torch._C, getter)
        if setter is not None and not name.startswith(_NOT_SWITCHES) and _asks_nothing(read):
            yield Switch(name, _kind_of(name), partial(_or_mixture, read), setter)


def _kind_of(name: str) -> Kind:
    if "sdp" in name:
        return "attention"
    return "precision" if any(word in name for word in _PRECISION) else "kernels"


def _asks_nothing(read: Any) -> bool:
    try:
        read()
    except TypeError:
        return False  # it wants to know of what
    except RuntimeError:
        return True  # of mixed switches, below
    return True


def _or_mixture(read: Any) -> Any:
    """Read a switch; torch refuses the older ones once the newer say what they cannot."""
    try:
        return read()
    except RuntimeError:
        return "mixed"


def _autocast(kind: str) -> Iterator[Switch]:
    yield Switch(
        f"autocast_{kind}",
        "precision",
        partial(torch.is_autocast_enabled, kind),
        partial(torch.set_autocast_enabled, kind),
    )
    yield Switch(
        f"autocast_{kind}_dtype",
        "precision",
        partial(torch.get_autocast_dtype, kind),
        partial(torch.set_autocast_dtype, kind),
    )


def _float32_products() -> Iterator[Switch]:
    """Yield the newer switches, by backend and operator, where this torch has them."""
    read = getattr(torch._C, "_get_fp32_precision_getter", None)
    setter = getattr(torch._C, "_set_fp32_precision_setter", None)
    if read is None or setter is None:
        return
    for backend in ("generic", "cuda", "mkldnn"):
        for operator in _OPERATORS:
            if backend == "generic" and operator != "all":
                continue
            name = f"fp32_precision_{backend}_{operator}"
            own = partial(read, backend, operator)
            yield Switch(name, "precision", own, partial(setter, backend, operator))


def _attention() -> Iterator[Switch]:
    """Yield which kernels scaled_dot_product_attention may choose; the CPU's heed them too."""
    for getter in (name for name in dir(torch._C) if name.endswith("_sdp_enabled")):
        backend = getter.removeprefix("_get_").removesuffix("_sdp_enabled")
        setter = getattr(torch._C, f"_set_sdp_use_{backend}", None)
        yield Switch(f"sdpa_{backend}", "attention", getattr(torch._C, getter), setter)


def _types(stack: list[Any]) -> tuple[str, ...]:
    return tuple(type(mode).__name__ for mode in stack)


def _set_default_device(device: torch.device) -> None:
    """Put the device back; the CPU is what no device was said for."""
    torch.set_default_device(None if device.type == "cpu" else device)


def _set_anomaly(on: bool) -> None:
    torch.autograd.set_detect_anomaly(on)
