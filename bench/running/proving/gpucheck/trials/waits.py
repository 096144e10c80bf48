"""No step of a suite waits for the card by code of this project's own, as torch itself tells."""

from __future__ import annotations

from bench.cases.case import Case
from bench.running.proving.gpucheck.finding import Figure, Skipped
from bench.running.proving.gpucheck.trial import Here, suites
from bench.running.proving.gpucheck.trials.suites import smallest_of_each
from bench.sides.checkout import at_work
from bench.sides.server import Server

ORDER = 115
LIMIT_S = 90

OF_ONE_S = 40.0

parts = suites


def ask(here: Here) -> list[Figure]:
    """Call every variant once in torch's synchronisation debug mode, each in a fresh process."""
    with here.server() as server:
        cases = smallest_of_each(here.listed(server, here.part))
        if not cases:
            raise Skipped(f"no variant of {here.part} can be imported here: see its log")
        told = {case.variant: _told_of(here, server, case) for case in cases}
    return figures({variant: found for variant, found in told.items() if found is not None})


def _told_of(here: Here, server: Server, case: Case) -> dict[str, int] | None:
    """Return how often a step waited, by whose code; None of a variant not for this card."""
    try:
        found: dict[str, int] = here.call(server, "waits:counted", OF_ONE_S, case=at_work(case))
    except Skipped as error:
        print(f"{case.variant}: {error}")  # into the trial's log
        return None
    return found


def figures(told: dict[str, dict[str, int]]) -> list[Figure]:
    """Judge waits of ours by variant; those of libraries are its cost, and only told."""
    found = []
    for variant, counts in told.items():
        found.append(Figure(f"waits of ours in {variant}", counts["ours"], "1", 0, 0))
        found.append(Figure(f"waits of libraries in {variant}", counts["theirs"]))
    return found
