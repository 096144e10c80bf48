"""What is never timed reports no time, so that it may be measured beside others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.sides.server import Server

VALUES = {"ground": "mixture2", "nfe": 5, "batch": 2}
CASE = Case("samplers", "euler", "suites.samplers.euler", "Sampling", VALUES)


@pytest.mark.parametrize("role", ["check", "memory"])
def test_only_what_is_timed_reports_seconds(server: Server, tmp_path: Path, role: str) -> None:
    def units(rounds: int | None) -> set[str]:
        case = {**asdict(CASE), "rounds": rounds}
        log = str(tmp_path / "log.txt")
        reply = server.attempt({"case": case, "role": role, "timeout_s": 60, "log": log})
        assert reply["outcome"] == "ok", reply
        return {measurement["unit"] for measurement in reply["measurements"]}

    assert "s" in units(None)
    assert units(0) == units(None) - {"s"}
