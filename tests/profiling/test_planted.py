"""A slowdown inside one operator is put down to it, by its size: real traces of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.profiling.difference import difference
from bench.profiling.read import profiles
from bench.store import read
from tests.conftest import Bench

PLANTED = '''
"""One product, and an operator of its own that works for as long as it is told."""
import time
from dataclasses import dataclass
import torch
from bench import Verdict, Problem, variant

library = torch.library.Library("planted", "DEF")
library.define("work(Tensor x, float seconds) -> Tensor")

@torch.library.impl(library, "work", "CPU")
def work(x, seconds):
    time.sleep(seconds)
    return x.clone()

@dataclass(frozen=True)
class Slowed(Problem):
    """A product after some work of so many seconds."""
    seconds: float = 0.0

    def make_inputs(self, seed, setting):
        return torch.randn(64, 64, generator=torch.Generator().manual_seed(seed))

    def call(self, step, setting):
        return lambda inputs: (step(inputs),)

    def check(self, call, inputs, setting):
        assert torch.equal(call(inputs)[0], inputs @ inputs)
        return Verdict([], [(0.0, 0.0)])

@variant
def slowed(problem: Slowed):
    return lambda x: torch.ops.planted.work(x, problem.seconds) @ x
'''

SMALL_S, LARGE_S = 0.05, 0.25  # long beside what a busy machine adds to the end of either


@pytest.mark.slow
def test_a_planted_slowdown_is_put_down_to_its_operator(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "planted.py"
    file.write_text(PLANTED)
    words: tuple[Any, ...] = ("--set", f"seconds={SMALL_S},{LARGE_S}", "--device", "cpu")
    done = bench("profile", file, *words, "--output", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    base, new = profiles(read(folder))
    assert not base.failed + new.failed
    found = difference(base.ranks[0].operators, new.ranks[0].operators)
    first = found.iloc[0]
    assert first["operator"] == "planted::work"
    assert first["change_s"] == pytest.approx(LARGE_S - SMALL_S, rel=0.1)
    assert first["share"] == pytest.approx(1.0, abs=0.1)
