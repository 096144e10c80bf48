"""`selftest.csv`: one row a kind, and one for the rate of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.running.proving.selftest.alarms import Alarms
from bench.running.proving.selftest.findings import NUM_CASES, NUM_PROCESSES, KindFindings
from bench.running.proving.selftest.parts import Parts
from bench.store.spread import Spread
from bench.system.csv import write_rows

Row = dict[str, str | int | float]


def write(path: Path, found: Sequence[KindFindings], alarms: Alarms | None) -> None:
    """Write both; what is not known is left empty."""
    rows = [*map(_kind, found), *([_alarms(alarms)] if alarms else [])]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_rows(path, columns, rows)


def _kind(one: KindFindings) -> Row:
    spreads = {"process": one.process, "pair": one.pair, "session": one.session}
    row: Row = {
        "kind": one.kind,
        "num_cases": one.num_cases,
        "judged": one.judged,
        **_known("within_sd", one.within),
    }
    for name, spread in spreads.items():
        row |= _spread(name, spread)
    row |= _known("drift_log", one.drift) | _known("autocorrelation", one.autocorrelation)
    row |= _parts(one.parts)
    for processes in NUM_PROCESSES:
        row |= _known(f"visible_change_{processes}", one.visible(processes))
    return row | {"corrected_for_cases": NUM_CASES}


def _spread(name: str, spread: Spread | None) -> Row:
    return {f"{name}_sd": spread.sd, f"{name}_freedom": spread.freedom} if spread else {}


def _parts(parts: Parts | None) -> Row:
    """Return where noise arises: that of calls is of one second of them."""
    named = {"call_1s": parts.call, "fork": parts.fork, "round": parts.round} if parts else {}
    if parts and parts.session:
        named["between_sessions"] = parts.session
    return {
        f"{name}_sd{end}": value
        for name, part in named.items()
        for end, value in (("", part.sd), ("_low", part.low), ("_high", part.high))
    }


def _known(name: str, value: float | None) -> Row:
    return {} if value is None else {name: value}


def _alarms(alarms: Alarms) -> Row:
    return {
        "kind": "all",
        "num_cases": alarms.num_workloads,
        "corrected_for_cases": alarms.num_cases,
        "comparisons": alarms.comparisons,
        "false_alarms": alarms.alarmed,
        "false_alarm_rate_low": alarms.low,
        "false_alarm_rate_high": alarms.high,
    }
