"""Which attempts report a time: what does not may be made beside others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Case
from bench.sides.server import Server
from suites.samplers.problem import Sampling
from tests.conftest import ServerFor

CASE = Case("faults", "none", "suites.faults.none", "Double", {})
VALUES = {"ground": "mixture2", "nfe": 5, "batch": 2}
SAMPLER = Case("samplers", "euler", "suites.samplers.euler", "Sampling", VALUES)


def made(
    server: Server, tmp_path: Path, role: str, case: Case = CASE, **changed: Any
) -> dict[str, Any]:
    """Make one attempt and return the reply."""
    held = {k: changed.pop(k) for k in ("fingerprints", "tolerances") if k in changed}
    log = str(tmp_path / "log.txt")
    request = {"case": {**asdict(case), **changed}, "role": role, "timeout_s": 60, "log": log}
    reply = server.attempt({**request, **held, "share_s": 0.01})
    assert reply["outcome"] == "ok", reply
    return reply


def units(reply: dict[str, Any]) -> dict[str, str]:
    return {found["quantity"]: found["unit"] for found in reply["measurements"]}


@pytest.mark.parametrize(
    ("changed", "timed"),
    [({}, False), ({"compiles": True}, True), ({"compiles": True, "rounds": 0}, False)],
)
def test_a_first_call_is_a_time_of_what_compiles_and_is_timed(
    server: Server, tmp_path: Path, changed: dict[str, Any], timed: bool
) -> None:
    found = units(made(server, tmp_path, "check", **changed))
    assert ("first_call_uncached" in found) == timed == ("s" in found.values())


def test_only_a_timed_attempt_tells_what_a_sampler_adds(
    server_for: ServerFor, tmp_path: Path
) -> None:
    server = server_for(Sampling.preload)
    checked, counted = (made(server, tmp_path, role, SAMPLER) for role in ("check", "memory"))
    assert "s" not in {*units(checked).values(), *units(counted).values()}
    held = {key: checked[key] for key in ("fingerprints", "tolerances")}
    assert units(made(server, tmp_path, "time", SAMPLER, **held))["overhead_share"] == "1"
