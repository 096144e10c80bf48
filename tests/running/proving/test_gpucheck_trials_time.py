"""How the trials of `bench gpucheck` judge rates, lengths and waits of made-up cards."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from bench.machine.ceilings import Bandwidth, Ceilings, ProductRate
from bench.running.proving.gpucheck.asked import case_of
from bench.running.proving.gpucheck.board import Board
from bench.running.proving.gpucheck.on_device.waits import by_whom, counted
from bench.running.proving.gpucheck.trials import blocking, ceilings, clock, do_bench, waits
from bench.system.own import ROOT
from tests.running.proving.known_board import H100, failed


def h100_ceilings(memory_bytes_per_s: float = 3.0e12, **flops_per_s: float) -> Ceilings:
    rates = {"float64": 60e12, "float32": 120e12, "bfloat16": 750e12, "float16": 750e12}
    return Ceilings(
        "cuda:0",
        1,
        [
            Bandwidth(256 << 10, 5e11, 0.1, "copy"),
            Bandwidth(2 << 30, memory_bytes_per_s, 0.01, "sum"),
        ],
        [ProductRate(dtype, rate, 0.02, 8192) for dtype, rate in (rates | flops_per_s).items()],
        2.5e-6,
        wall_s=3.0,
    )


def test_ceilings_of_a_known_board() -> None:
    good = ceilings.figures(h100_ceilings(), H100)
    assert failed(good) == []
    assert len(good) == 12
    share = next(f for f in good if "memory's rate" in f.name)
    assert share.value == pytest.approx(3.0 / 3.352, rel=1e-3)


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (h100_ceilings(9e12), "their share of the memory's rate"),  # all of it from the L2
        (h100_ceilings(3e11), "their share of the memory's rate"),
        (h100_ceilings(float32=3e9), "float32 products"),  # ms for s
        (h100_ceilings(bfloat16=750e15), "bfloat16 products"),
        (replace(h100_ceilings(), launch_s=0.0), "an empty kernel"),
        (replace(h100_ceilings(), launch_s=3e-4), "an empty kernel"),
        (replace(h100_ceilings(), wall_s=90.0), "measuring them"),
    ],
)
def test_ceilings_that_cannot_be(found: Ceilings, wrong: str) -> None:
    assert wrong in failed(ceilings.figures(found, H100))


def test_ceilings_of_a_board_that_tells_nothing() -> None:
    told = ceilings.figures(h100_ceilings(), Board())
    assert failed(told) == []
    assert len(told) == 7
    assert "passes over memory" in failed(ceilings.figures(h100_ceilings(3e15), Board()))


LENGTHS = {
    "spin_by_events": 0.0253,
    "spin_by_host": 0.02533,
    "tenfold_by_events": 0.2531,
    "spin_by_clock": 0.02531,
    "product_by_events": 2.6e-3,
    "product_by_clock": 2.55e-3,
    "cycles_per_s": 1.975e9,
}


def test_the_clock() -> None:
    assert failed(clock.figures(LENGTHS, 1.98e9)) == []
    assert [f.word for f in clock.figures(LENGTHS, None)].count("not told") == 1


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"spin_by_host": 0.028}, "the host's clock over events, of it"),
        ({"spin_by_host": 0.0001}, "the host's clock over events, of it"),
        ({"spin_by_clock": 0.0501}, "the CUDA clock over events, of it"),
        ({"tenfold_by_events": 0.0253}, "ten times the cycles"),
        ({"product_by_clock": 2.6e-6}, "the CUDA clock over events, of a product"),
        ({"cycles_per_s": 1e6}, "cycles of a spin a second, of the board's highest clock"),
    ],
)
def test_a_clock_that_strays(changed: dict[str, float], wrong: str) -> None:
    assert failed(clock.figures(LENGTHS | changed, 1.98e9)) == [wrong]


def test_do_bench() -> None:
    assert failed(do_bench.figures({"a copy": (1e-3, 0.97e-3)})) == []
    pairs = {"a copy": (1e-3, 0.8e-3), "a product": (1e-6, 1e-3)}
    assert len(failed(do_bench.figures(pairs))) == 2


def test_blocking() -> None:
    waits, never = {"bound": "blocking"}, {"bound": "device", "host_ahead": "yes"}
    assert failed(blocking.figures([waits] * 10, [never] * 10)) == []
    assert failed(blocking.figures([waits] * 9 + [never], [never] * 10)) == [
        "processes that found the waiting"
    ]
    assert failed(blocking.figures([waits] * 10, [never] * 9 + [waits])) == [
        "processes that accused the other"
    ]
    late = never | {"host_behind_share": "0.900"}
    assert failed(blocking.figures([waits], [never, late])) == [
        "samples the host was late for, at most"
    ]


def test_waits() -> None:
    counts = {"fp16_scaled": {"ours": 0, "theirs": 1}, "euler": {"ours": 0, "theirs": 0}}
    assert failed(waits.figures(counts)) == []
    assert failed(waits.figures(counts | {"x": {"ours": 2, "theirs": 0}})) == ["waits of ours in x"]


def test_a_case_is_set_up_to_count_its_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    grad = torch.is_grad_enabled()
    case = case_of("waits", "Doubled", "cpu", n=1 << 10)
    assert counted(asdict(case)) == {"ours": 0, "theirs": 0}
    torch.set_grad_enabled(grad)
    assert modes == ["warn", "default"]


def test_a_wait_is_of_whoever_asked_for_it() -> None:
    said = "called a synchronizing CUDA operation (Triggered internally at CUDAFunctions.cpp)"
    told = [
        (said, f"{ROOT}/suites/precision/policy.py"),
        (said, f"{ROOT}/.venv/lib/python3.11/site-packages/torch/amp/grad_scaler.py"),
        ("something else is deprecated", f"{ROOT}/suites/precision/policy.py"),
    ]
    assert by_whom(told) == {"ours": 1, "theirs": 1}
