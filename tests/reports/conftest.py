"""Runs that reports are written of: the golden one, and a made-up one of several suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.judging.record import Record, fold
from bench.store import Run, read
from tests import several_suites
from tests.reports.golden import GOLDEN


@pytest.fixture(scope="module")
def run() -> Run:
    return read(GOLDEN)


@pytest.fixture(scope="module")
def records(run: Run) -> list[Record]:
    return fold(run)


@pytest.fixture
def several(tmp_path: Path) -> Run:
    return several_suites.several_suites(tmp_path)
