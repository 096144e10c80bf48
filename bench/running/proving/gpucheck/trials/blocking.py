"""A step that waits for the device is always found, one that does not never, in ten processes."""

from __future__ import annotations

from typing import Any

from bench.running.proving.gpucheck.asked import case_of, checked, timed
from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here

ORDER = 50
LIMIT_S = 120

NUM_PROCESSES = 10
SHARE_S = 0.1


def ask(here: Here) -> list[Figure]:
    """Time a step with `.item()` in it and one without, each in fresh processes."""
    labels: dict[str, list[dict[str, Any]]] = {}
    with here.server() as server:
        for variant in ("waits", "never_waits"):
            case = case_of(variant, "Doubled", here.device)
            check = checked(here, server, case)
            labels[variant] = [
                timed(here, server, case, check, SHARE_S)["labels"] for _ in range(NUM_PROCESSES)
            ]
    return figures(labels["waits"], labels["never_waits"])


def figures(waiting: list[dict[str, Any]], never: list[dict[str, Any]]) -> list[Figure]:
    """Judge the labels of timed attempts of a step that waits, and of one that never does."""
    late = [float(labels.get("host_behind_share", "0")) for labels in never]
    return [
        Figure(
            "processes that found the waiting", _blocking(waiting), "1", len(waiting), len(waiting)
        ),
        Figure("processes that accused the other", _blocking(never), "1", 0, 0),
        Figure("samples the host was late for, at most", max(late), "1", 0.0, 0.25),
    ]


def _blocking(attempts: list[dict[str, Any]]) -> int:
    return sum(labels.get("bound") == "blocking" for labels in attempts)
