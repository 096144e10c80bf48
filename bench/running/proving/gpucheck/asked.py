"""Cases whose answers are known, and their roles; asked of a server as a run would."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from bench.cases.case import Case, Role
from bench.running.proving.gpucheck.trial import Here
from bench.sides.server import Server

MODULE = "bench.running.proving.gpucheck.on_device.known"

Reply = dict[str, Any]


def case_of(variant: str, problem: str, device: str, **values: int) -> Case:
    """Return a case of one of the known answers."""
    return Case("gpucheck", variant, MODULE, problem, dict(values), device=device)


def over_ranks(case: Case, ranks: int) -> Case:
    """Return the case for several ranks."""
    return replace(case, ranks=ranks)


def checked(here: Here, server: Server, case: Case, timeout_s: float = 60.0) -> Reply:
    """Have a case checked; its reply holds what a timed attempt is held to."""
    return role(here, server, case, "check", timeout_s)


def timed(
    here: Here,
    server: Server,
    case: Case,
    check: Reply,
    share_s: float,
    timeout_s: float = 60.0,
) -> Reply:
    """Have a checked case timed for its share."""
    held_to = {name: check[name] for name in ("fingerprints", "tolerances", "rewritten")}
    return role(here, server, case, "time", timeout_s, share_s=share_s, **held_to)


def role(
    here: Here, server: Server, case: Case, name: Role, timeout_s: float = 60.0, **asked: Any
) -> Reply:
    """Have one role of a case done."""
    request = {"case": asdict(case), "role": name, **asked}
    return here.attempt(server, request, timeout_s)


def samples_of(reply: Reply, quantity: str) -> list[float] | None:
    """Return what was measured of a quantity for the whole job; None where it was not."""
    for measured in reply["measurements"]:
        if measured["quantity"] == quantity and measured.get("rank") is None:
            found: list[float] = measured["samples"]
            return found
    return None
