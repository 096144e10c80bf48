"""How the trials of `bench gpucheck` judge what made-up cards hold, tell and compute."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bench.running.proving.gpucheck.board import Board, board_of
from bench.running.proving.gpucheck.finding import NotTold
from bench.running.proving.gpucheck.trials import flex, float32, forks, kernels, memory, nvml, ranks
from tests import fake_nvml
from tests.running.proving.known_board import H100, failed


def test_forks() -> None:
    assert failed(forks.figures(("a.b",), [0.9, 0.8], [])) == []
    assert failed(forks.figures((), [11.0, 12.0], [])) == ["a context after torch alone"]
    assert failed(forks.figures(("a.b",), [0.9], ["a.b"])) == ["modules left out after a.b"]


def test_kernels() -> None:
    seen = {"a product": ["ampere_sgemm"], "a copy": [], "nothing": []}
    assert failed(kernels.figures(seen)) == []
    assert failed(kernels.figures(seen | {"a product": []})) == [
        "kernels that compute, of a product"
    ]
    assert failed(kernels.figures(seen | {"nothing": ["x"]})) == [
        "kernels that compute, of nothing"
    ]
    with pytest.raises(NotTold, match="not even the canary, beside a copy"):
        kernels.figures(seen | {"a copy": None})


VECTORS, MATRICES, MIB = 3 * 64 << 20, 2 * 16 << 20, 1 << 20


def test_memory() -> None:
    good = memory.figures(VECTORS, MATRICES, 32 * MIB, MATRICES + 32 * MIB)
    assert failed(good) == []
    assert failed(memory.figures(VECTORS, MATRICES, None, None)) == []
    assert failed(memory.figures(2 * 64 << 20, MATRICES, 0, MATRICES)) == [good[0].name]
    assert failed(memory.figures(VECTORS, MATRICES + 32 * MIB, 0, MATRICES + 32 * MIB)) == [
        good[1].name
    ]
    assert failed(memory.figures(VECTORS, MATRICES, 0, MATRICES + 32 * MIB)) == [good[3].name]


def busy(**changed: list[float] | None) -> dict[str, Any]:
    """Return a timed reply: 200 calls in 4 s at 650 W."""
    told = {
        "power": [640.0, 660.0],
        "sm_clock": [1755.0],
        "memory_clock": [2619.0],
        "temperature": [61.0],
        "gpu_utilisation": [1.0],
        "energy": [650.0 * 4.0 / 200],
    }
    measured = [{"quantity": n, "samples": s} for n, s in (told | changed).items() if s]
    window = {"begun_s": 5.0, "ended_s": 9.0, "num_calls": 200, "in_calls_s": 3.9}
    return {"measurements": measured, "window": window}


def test_nvml() -> None:
    assert failed(nvml.figures(busy(), H100)) == []
    assert failed(nvml.figures(busy(), Board())) == []


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"power": [650000.0]}, ["power", "power over its limit", "energy over power and time"]),
        ({"power": [30.0]}, ["power over its limit", "energy over power and time"]),
        ({"sm_clock": [3500.0]}, ["the SM clock"]),
        ({"memory_clock": [0.5]}, ["the memory's clock"]),
        ({"temperature": [334.0]}, ["temperature"]),
        ({"gpu_utilisation": [0.02]}, ["utilisation"]),
        ({"energy": [13000.0]}, ["energy over power and time"]),  # mJ for J
    ],
)
def test_readings_that_no_busy_card_has(changed: dict[str, Any], wrong: list[str]) -> None:
    assert failed(nvml.figures(busy(**changed), H100)) == wrong


def test_readings_that_are_not_there_are_not_told() -> None:
    told = nvml.figures(busy(power=None, energy=None), H100)
    assert [f.name for f in told if f.word == "not told"] == [
        "power",
        "power over its limit",
        "energy over power and time",
    ]


def test_a_board_tells_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)
    monkeypatch.setenv("FAKE_NVML", '[{}, {"refuses": ["cores", "bus"]}]')
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    whole = board_of("cuda:0")
    assert whole == Board(16896, 1.98e9, 2.619e9, 5120, 700.0)
    assert whole.bytes_per_s == pytest.approx(3.352e12, rel=1e-3)
    part = board_of("cuda:1")
    assert (part.cores, part.bus_bits, part.sm_clock_hz) == (None, None, 1.98e9)
    assert part.bytes_per_s is None
    assert part.core_cycles_per_s is None
    with pytest.raises(NotTold, match="NVML does not tell of cuda:2"):
        board_of("cuda:2")
    monkeypatch.setenv("FAKE_NVML", "[]")
    with pytest.raises(NotTold, match="Driver Not Loaded"):
        board_of("cuda:0")


def test_float32() -> None:
    ieee, tf32 = {"convolution": 4e-7}, {"convolution": 3e-4}
    assert failed(float32.figures(ieee, tf32, (9, 0))) == []
    assert failed(float32.figures(tf32, tf32, (9, 0))) == ["the error of a convolution"]
    assert failed(float32.figures(ieee, ieee, (9, 0))) == ["of a convolution in TF32"]
    assert failed(float32.figures(ieee, ieee, (7, 5))) == []
    assert failed(float32.figures(ieee, {"recurrence": 3e-7}, (9, 0))) == []
    assert failed(float32.figures(ieee, {"recurrence": 3e-2}, (9, 0))) == [
        "of a recurrence in TF32"
    ]


def test_flex() -> None:
    cold, warm = {"seconds": 12.0, "error": 3e-3}, {"seconds": 4.0, "error": 3e-3}
    assert failed(flex.figures(cold, warm)) == []
    assert failed(flex.figures(cold, cold)) == ["from the cache over cold"]
    assert failed(flex.figures(cold, warm | {"error": 0.9})) == ["its error, from the cache"]


def test_ranks() -> None:
    assert failed(ranks.figures([1e-4] * 5)) == []
    assert failed(ranks.figures([])) == ["samples"]
    assert failed(ranks.figures([2.0] * 5)) == ["a sum of 4 MiB over 2 ranks"]
