"""What must exist before anything is measured: made once, told apart, and no reason to stop."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

NEEDS = '''
from dataclasses import dataclass
from pathlib import Path
import torch
from bench import Problem, variant
from bench.system.cache import cache_folder
from bench.cases.problem import Verdict

@dataclass(frozen=True)
class Needs(Problem):
    """Doubling, by a factor that must be on disk."""
    name: str = "factor"

    def provision(self, progress):
        path = cache_folder() / self.name
        if self.name == "impossible":
            raise OSError("no such teacher")
        if not path.exists():
            progress("training the factor", 0.5)
            path.write_text("2")

    def make_inputs(self, seed, setting):
        return torch.full((8,), float(seed))

    def call(self, step, setting):
        return lambda inputs: (step(inputs),)

    def check(self, call, inputs, setting):
        assert bool((call(inputs)[0] == 2 * inputs).all())
        return Verdict([], [(0.0, 0.0)])

@variant
def scaled(problem: Needs):
    factor = float((cache_folder() / problem.name).read_text())
    return lambda inputs: factor * inputs
'''


def test_it_is_made_once_and_what_cannot_be_made_fails_its_own_cases_alone(
    bench, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "needs.py").write_text(NEEDS)
    words = ["run", tmp_path / "needs.py", "--device", "cpu", "--rounds", 2]
    both = bench(*words, "--set", "name=factor,impossible", "--output", tmp_path / "both")
    assert both.returncode == 0, both.stderr
    assert "training the factor (once, before measuring)" in both.stdout
    assert "could not be made ready: Needs: OSError: no such teacher" in both.stdout
    (folder,) = (tmp_path / "both").iterdir()
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["sessions"][-1]["provision_s"] > 0
    assert manifest["cases"][0]["provisioned"] is True
    rows = pd.read_csv(folder / "results.csv").set_index("name")
    assert rows.loc["factor", "outcome"] == "ok"
    assert rows.loc["impossible", "outcome"] == "error"
    again = bench(*words, "--output", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    assert "training the factor" not in again.stdout


VARIANTS_OWN = """
from bench import Problem, Verdict, variant
from bench.workload import cache_folder
from dataclasses import dataclass
import torch

@dataclass(frozen=True)
class Plain(Problem):
    \"""Adding.\"""
    size: int = 8

    def make_inputs(self, seed, setting):
        return torch.full((self.size,), float(seed))

    def call(self, step, setting):
        return lambda inputs: (step(inputs),)

    def check(self, call, inputs, setting):
        assert bool((call(inputs)[0] == inputs + 2 * self.size).all())
        return Verdict([], [(0.0, 0.0)])

def provision(problem, progress, *, times=2):
    progress("learning to add", 0.0)
    with (cache_folder() / f"sum-{problem.size}-{times}").open("x") as kept:
        kept.write(str(times * problem.size))

@variant(provision=provision)
def learned(problem: Plain, *, times: int = 2):
    added = float((cache_folder() / f"sum-{problem.size}-{times}").read_text())
    return lambda inputs: inputs + added

@variant
def plain(problem: Plain):
    return lambda inputs: inputs + 2 * problem.size
"""


def test_a_variant_makes_what_it_needs_itself(bench, tmp_path: Path, monkeypatch) -> None:
    """Once for every problem and set of options, whatever else is asked of it."""
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.py").write_text(VARIANTS_OWN)
    words = ["run", tmp_path / "own.py", "--device", "cpu", "--rounds", 2, "--set", "times=2,3"]
    done = bench(*words, "--output", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert "learning to add (once, before measuring)" in done.stdout
    assert {path.name for path in (tmp_path / "cache").glob("sum-*")} == {"sum-8-2", "sum-8-3"}
    (folder,) = (tmp_path / "runs").iterdir()
    assert sorted(pd.read_csv(folder / "results.csv")["outcome"]) == ["error", "ok", "ok"]
    manifest = json.loads((folder / "run.json").read_text())
    provisioned = {case["variant"]: case["provisioned"] for case in manifest["cases"]}
    assert provisioned == {"learned": True, "plain": False}
