"""Two revisions of a checkout set against each other by `bench ab`, and what is said of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from bench.judging.comparing.comparison import compare
from bench.store import read
from reports.comparison.why import Why, whys


def compared(checkout: Path, base: str, new: str, words: tuple[str, ...], output: Path) -> Path:
    """Run `bench ab` in a checkout, and return its folder."""
    line = [sys.executable, "-P", "-m", "bench", "ab", base, new, *words, "--preset", "smoke"]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [*line, "--device", "cpu", "--wait", "--output", str(output)],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(line)}: exit code {done.returncode}\n{done.stderr}")
    (folder,) = output.iterdir()
    return folder


def of_structure(folder: Path) -> pd.DataFrame:
    """Return what a comparison says of structure, a row a case."""
    table = pd.read_csv(folder / "comparison.csv", dtype=str, keep_default_na=False)
    return table[table["quantity"] == "structure"]


def why(folder: Path, cases: Collection[str]) -> list[Why]:
    """Return what `bench explain` says of cases, by id."""
    base, new = (read(folder / side) for side in "AB")
    (found,) = compare(base, [new])
    return whys(found, lambda match: match.new is not None and match.new.case.id in cases)
