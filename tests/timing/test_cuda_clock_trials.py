"""The trials of the clock that `bench gpucheck` has, on a simulated GPU."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from bench.running.proving.gpucheck.finding import word_of
from bench.running.proving.gpucheck.on_device import clock as clock_body
from bench.running.proving.gpucheck.on_device import do_bench as do_bench_body
from bench.running.proving.gpucheck.trials import clock as clock_trial
from bench.running.proving.gpucheck.trials import do_bench as do_bench_trial
from bench.timing.clocks import cuda
from tests.timing.simulated_gpu import CYCLES_PER_S, Device


@pytest.fixture
def tried(device: Device, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Let the trials' bodies run on the device, with one product and one copy of known length."""
    lengths = {"mm": 2.1e-3, "copy_": 0.4e-3}

    def tensor(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(copy_=lambda _: device.launch(lengths["copy_"]))

    known = cuda.torch
    for name in ("randn", "ones", "empty_like"):
        setattr(known, name, tensor)
    known.mm = lambda *_, **__: device.launch(lengths["mm"])
    known.cuda.set_device = lambda _: None
    for module in (clock_body, do_bench_body):
        monkeypatch.setattr(module, "torch", known)
    monkeypatch.setattr(clock_body, "perf_counter", lambda: device.host_s)
    return device


def test_the_trial_of_the_clock_passes_on_a_device_that_keeps_time(tried: Device) -> None:
    lengths = clock_body.lengths("cuda:0")
    assert word_of(clock_trial.figures(lengths, CYCLES_PER_S)) == "passed"
    assert lengths["product_by_clock"] == pytest.approx(2.1e-3, rel=0.01)


def test_the_trial_of_the_clock_fails_where_kernels_are_not_waited_for(
    tried: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda.torch.cuda, "synchronize", lambda *_: None)
    lengths = clock_body.lengths("cuda:0")
    assert word_of(clock_trial.figures(lengths, CYCLES_PER_S)) == "failed"


@pytest.mark.parametrize(("slower", "word"), [(1.0, "passed"), (1.3, "failed")])
def test_the_trial_beside_triton(
    tried: Device, monkeypatch: pytest.MonkeyPatch, slower: float, word: str
) -> None:
    def do_bench(call: Callable, return_mode: str) -> float:
        began_s = tried.free_s = tried.host_s = max(tried.free_s, tried.host_s)
        call()
        return (tried.free_s - began_s) * 1e3 * slower

    monkeypatch.setitem(sys.modules, "triton", ModuleType("triton"))
    monkeypatch.setitem(sys.modules, "triton.testing", SimpleNamespace(do_bench=do_bench))
    found = do_bench_body.compared("cuda:0")
    assert word_of(do_bench_trial.figures(found)) == word
