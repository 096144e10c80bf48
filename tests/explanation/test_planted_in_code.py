"""A slowdown planted in one operator of real code: `bench ab --profile` puts it down to that."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store import read
from reports.explanation.explain import explanations
from tests.conftest import Bench
from tests.judging.made_pairs import compared
from tests.running.users_repository import Repository

CODE = """
import time
import torch
from bench import variant
from suites.faults.problem import Double

library = torch.library.Library("planted", "DEF")
library.define("work(Tensor x) -> Tensor")


@torch.library.impl(library, "work", "CPU")
def work(x):
    end = time.perf_counter() + {seconds}
    while time.perf_counter() < end:
        pass
    return x.clone()


@variant
def works(problem: Double):
    return lambda inputs: torch.ops.planted.work(inputs[0]) * 2
"""


@pytest.mark.slow
def test_it_is_put_down_to_its_operator_within_a_tenth(bench: Bench, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "mine")
    for seconds in (0.02, 0.05):
        repository.commit(mine=CODE.format(seconds=seconds))
    output = tmp_path / "runs"
    words = ("HEAD~1", "HEAD", "mine.py", "--device", "cpu", "--preset", "smoke")
    done = bench("ab", *words, "--profile", "--output", output, cwd=repository.folder)
    assert done.returncode == 1, done.stderr
    (folder,) = output.iterdir()
    (found,) = explanations(compared(read(folder / "A"), read(folder / "B")))
    assert found.causes[0].words.startswith("planted::work (forward) ")
    assert found.causes[0].share == pytest.approx(1, abs=0.1)
    assert found.unexplained == pytest.approx(0, abs=0.1)
    assert "planted::work" in (folder / "comparison.md").read_text().replace("&#58;", ":")
