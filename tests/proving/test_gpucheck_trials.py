"""How the trials of `bench gpucheck` judge: figures of made-up cards, and answers of a CPU."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cases.case import Case
from bench.cases.keywords import chooser
from bench.judging.record import Record
from bench.machine.ceilings import Bandwidth, Ceilings, ProductRate
from bench.proving.gpucheck.asked import case_of, checked, over_ranks, role, samples_of, timed
from bench.proving.gpucheck.board import Board, board_of
from bench.proving.gpucheck.finding import Failed, Figure, NotTold, Skipped, word_of
from bench.proving.gpucheck.on_device.waits import by_whom, counted
from bench.proving.gpucheck.trial import Here
from bench.proving.gpucheck.trials import (
    blocking,
    ceilings,
    clock,
    do_bench,
    flex,
    float32,
    forks,
    kernels,
    memory,
    nvml,
    ranks,
    suites,
    waits,
)
from bench.sides.server import Server
from bench.system.own import ROOT
from tests import fake_nvml

H100 = Board(16896, 1.98e9, 2.619e9, 5120, 700.0)


def failed(figures: list[Figure]) -> list[str]:
    return [figure.name for figure in figures if figure.word == "failed"]


# --- what a good card answers passes, and one thing wrong is named ---


def test_forks() -> None:
    assert failed(forks.figures(("a.b",), [0.9, 0.8], [])) == []
    assert failed(forks.figures((), [11.0, 12.0], [])) == ["a context after torch alone"]
    assert failed(forks.figures(("a.b",), [0.9], ["a.b"])) == ["modules left out after a.b"]


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


def test_ranks() -> None:
    assert failed(ranks.figures([1e-4] * 5)) == []
    assert failed(ranks.figures([])) == ["samples"]
    assert failed(ranks.figures([2.0] * 5)) == ["a sum of 4 MiB over 2 ranks"]


# --- which case of a suite is run ---


def sdpa(variant: str, n: int, **changed: Any) -> Case:
    case = Case("s", variant, f"suites.s.{variant}", "P", {"n": n}, device="cuda:0", flops=n)
    return replace(case, **changed)


def test_the_least_work_of_every_variant_the_least_first() -> None:
    listed = [
        sdpa("a", 4096),
        sdpa("b", 1024),
        sdpa("a", 2048),
        sdpa("broken", 1, problem=""),
        sdpa("ranks", 1, ranks=2),
        sdpa("untimed", 1, rounds=0),
        sdpa("c", 512, flops=None, bytes_moved=1500),
    ]
    found = suites.smallest_of_each(listed)
    assert [(case.variant, case.values["n"]) for case in found] == [
        ("b", 1024),
        ("c", 512),
        ("a", 2048),
    ]


def test_a_case_is_asked_for_by_its_id_alone() -> None:
    listed = [sdpa("a", 128), sdpa("a", 1280), sdpa("ab", 128), sdpa("a", 128, dtype="bfloat16")]
    for case in listed:
        keyword = suites.keyword_of(case, listed)
        assert [other for other in listed if chooser(keyword)(other.id)] == [case]
        assert keyword in suites.words_for("s", listed, case)
    optional = sdpa("a", 128, options={"block": 64})
    assert chooser(suites.keyword_of(optional, listed))(optional.id)


def test_a_row_of_a_suite() -> None:
    good = Record(sdpa("a", 1), "ok", samples={"time": {(0, 0): [[1e-3]]}}, units={"time": "s"})
    assert word_of(suites.figures(good)) == "passed"
    assert failed(suites.figures(replace(good, flags=["impossible"]))) == ["flagged impossible"]
    with pytest.raises(Failed, match=r"s/a/.*: error: why"):
        suites.figures(replace(good, outcome="error", detail="why"))


# --- answers that are known, asked of a CPU as of a card ---


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here("cpu", tmp_path)


def test_known_peaks_are_what_the_memory_role_says(here: Here, server: Server) -> None:
    case = case_of("through_a_copy", "Doubled", "cpu", n=1 << 16)
    (peak,) = samples_of(role(here, server, case, "memory"), "peak") or [0.0]
    assert peak == 3 * 4 * (1 << 16)
    squared = case_of("product", "Squared", "cpu", n=64)
    (peak,) = samples_of(role(here, server, squared, "memory"), "peak") or [0.0]
    assert peak == 2 * 4 * 64**2


@pytest.mark.parametrize("variant", ["waits", "never_waits"])
def test_known_steps_are_right_and_can_be_timed(here: Here, server: Server, variant: str) -> None:
    case = case_of(variant, "Doubled", "cpu", n=1 << 10)
    reply = timed(here, server, case, checked(here, server, case), 0.05)
    assert samples_of(reply, "time")
    assert samples_of(reply, "energy of nothing") is None


def test_a_worker_answers_a_call_and_its_exception_is_an_outcome(
    here: Here, server: Server
) -> None:
    found = here.call(server, "float32:errors", 60.0, device="cpu")
    assert set(found["ieee"]) == set(found["tf32"]) == {"convolution", "product", "recurrence"}
    assert failed(float32.figures(found["ieee"], found["tf32"], tuple(found["capability"]))) == []
    with pytest.raises(Failed, match="error: "):
        here.call(server, "clock:lengths", 60.0, device="cpu")
    with pytest.raises(Skipped, match="triton cannot be imported"):
        here.call(server, "do_bench:compared", 60.0, device="cpu")


@pytest.mark.multirank
@pytest.mark.slow
def test_known_ranks_sum(here: Here, server: Server) -> None:
    case = over_ranks(case_of("all_reduce", "Summed", "cpu", n=1 << 10), 2)
    reply = timed(here, server, case, checked(here, server, case), 0.1)
    assert failed(ranks.figures(samples_of(reply, "time") or [])) == []
