"""No strategy's step reads a tensor back by a line of ours: on a GPU it would wait there."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from suites.distributed.problem import DataParallelTraining
from tests.conftest import ServerFor
from tests.suites.reading_back import STRATEGIES
from tests.suites.trained_by_ranks import training

QUICKEST = ("ddp", "zero3")  # one of torch's and one of DeepSpeed's; the others are slow tests


def read_back_by(name: str, server_for: ServerFor, folder: Path) -> str:
    """Return the lines, as rank 0 tells them."""
    case = replace(training(name, "tests.suites.reading_back"), problem="Watched")
    request = {"case": asdict(case), "role": "check", "timeout_s": 120}
    reply = server_for(DataParallelTraining.preload).attempt(
        {**request, "log": str(folder / "log.txt")}
    )
    assert reply["outcome"] == "ok", reply
    read: str = reply["labels"].get("read_back", "")
    return read


@pytest.mark.multirank
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(own.name, marks=[] if own.name in QUICKEST else pytest.mark.slow)
        for own in STRATEGIES
    ],
)
def test_no_line_of_ours_reads_back(name: str, server_for: ServerFor, tmp_path: Path) -> None:
    assert read_back_by(name, server_for, tmp_path) == ""


@pytest.mark.multirank
def test_a_strategy_that_looks_at_its_loss_is_found(server_for: ServerFor, tmp_path: Path) -> None:
    assert read_back_by("looks", server_for, tmp_path).startswith("reading_back.py:")
