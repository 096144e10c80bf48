"""Records as a tidy table: one row a case, a unit in every column's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.cases.case import Plain
from bench.judging.record import Record
from bench.judging.statistics import Interval
from bench.running.stopping import reason
from bench.store import Run
from reports.answers import told_columns
from reports.measured import measured, provenance, work_rates
from reports.structures import structure_columns

# Labels of a record that are columns.
LABELS = (
    "bound",
    "memory_counted_by",
    "memory_not_counted",
    "calls_per_sample",
    "steady",
    "clock",
    "malloc",
)
# Columns every table has, in this order. What else was measured follows, as far as it was: work
# over time, quantities by name, and last the problems' own values.
COLUMNS = (
    "suite",
    "variant",
    "options",
    "problem",
    "dtype",
    "pass",
    "device",
    "threads",
    "ranks",
    "cache",
    "allocator",
    "outcome",
    "failed_in",
    "detail",
    "quality_outcome",
    "quality_detail",
    "flags",
    "bound",
    "time_s",
    "time_low_s",
    "time_high_s",
    "rounds",
    "sessions",
    "unseen_mode_share",
    "stopped_by",
    "thread_time_s",
    "enqueue_time_s",
    "first_call_s",
    "first_call_uncached_s",
    "flops",
    "flops_per_s",
    "bytes_moved",
    "bytes_per_s",
    "roofline_share",
    "roofline_limit",
    "peak_bytes",
    "peak_reserved_bytes",
    "resident_growth_bytes",
    "memory_counted_by",
    "memory_not_counted",
    "out_error_l2",
    "out_error_max",
    "error_over_budget",
    "calls_per_sample",
    "steady",
    "clock",
    "malloc",
    "log",
    "source_hash",
    "case",
    "run",
)


def table(run: Run, records: list[Record]) -> pd.DataFrame:
    """Return the table of a run; a value that was not measured is missing, never 0."""
    rates = [work_rates(record) for record in records]
    found = [measured(record, COLUMNS) for record in records]
    told = told_columns(records)
    beside = [told.get(record.case.id, {}) for record in records]
    origins = [{**structure_columns(r), **provenance(r)} for r in records]
    rows = [
        {**others, **row(run, record), **per_s, **own, **origin}
        for record, per_s, own, others, origin in zip(
            records, rates, found, beside, origins, strict=True
        )
    ]
    extra = [*_names(rates), *_names(found), *_names(beside), *_names(origins)]
    columns = dict.fromkeys([*COLUMNS, *extra, *value_columns(records)])
    # a copy in one piece: pandas warns of a table of many columns, each put in by itself
    return pd.DataFrame(rows).reindex(columns=list(columns)).copy()


def value_columns(records: list[Record]) -> list[str]:
    """Return the columns of the problems' own values, by name; a fixed column hides its like."""
    return sorted({name for record in records for name in record.case.values} - set(COLUMNS))


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return every column of the rows once, in order of appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def own_columns(frame: pd.DataFrame, records: list[Record]) -> pd.DataFrame:
    """Return some of the records' rows, without the columns that only other suites fill."""
    rows = frame[frame["case"].isin({record.case.id for record in records})]
    foreign = [c for c in frame.columns if c not in COLUMNS and rows[c].isna().all()]
    return rows.drop(columns=foreign).copy()


def row(run: Run, record: Record) -> dict[str, Any]:
    """Return one record's row."""
    case = record.case
    return {
        **case.values,
        **{
            name: getattr(case, name)
            for name in (
                "suite",
                "variant",
                "problem",
                "dtype",
                "device",
                "threads",
                "ranks",
                "cache",
                "allocator",
                "source_hash",
                "flops",
            )
        },
        "options": _words(case.options),
        "pass": case.pass_,
        "outcome": record.outcome,
        "failed_in": record.failed_in or None,
        "detail": record.detail or None,
        "quality_outcome": record.quality_outcome or None,
        "quality_detail": record.quality_detail or None,
        "flags": " ".join(record.flags) or None,
        "bytes_moved": case.bytes_moved,
        "peak_bytes": record.values.get("peak"),
        "peak_reserved_bytes": record.values.get("peak_reserved"),
        "resident_growth_bytes": record.values.get("resident_growth"),
        "out_error_l2": record.values.get("out_error_l2"),
        "out_error_max": record.values.get("out_error_max"),
        "error_over_budget": max(
            (v for k, v in record.values.items() if k.endswith("_error_over_budget")), default=None
        ),
        **{name: record.labels.get(name) for name in LABELS},
        "first_call_uncached_s": record.values.get("first_call_uncached"),
        **_times(run, record),
        "log": " ".join(record.logs) or None,
        "case": case.id,
        "run": run.id,
    }


def _times(run: Run, record: Record) -> dict[str, Any]:
    found = record.interval_of("time")
    if found is None:
        return {}
    planned = sorted({record.case.most_rounds(rounds) for rounds in run.manifest.checkpoints})
    ended_by = run.last_session.ended_by
    return {
        "time_s": found.estimate,
        "time_low_s": found.low,
        "time_high_s": found.high,
        "rounds": found.rounds,
        "sessions": found.sessions,
        "unseen_mode_share": found.unseen_mode_share,
        "stopped_by": reason(found.rounds, found, planned, ended_by),
        "thread_time_s": record.figure_of("thread_time"),
        "enqueue_time_s": record.figure_of("enqueue_time"),
        "first_call_s": record.figure_of("first_call"),
        "flops_per_s": _rate(record.case.flops, found),
        "bytes_per_s": _rate(record.case.bytes_moved, found),
        "roofline_share": record.roofline_share,
        "roofline_limit": record.roofline.limit if record.roofline else None,
    }


def _rate(amount: int | None, found: Interval) -> float | None:
    return amount / found.estimate if amount is not None else None


def _words(values: dict[str, Plain]) -> str | None:
    chosen = {name: value for name, value in values.items() if value is not None}
    return ",".join(f"{name}={value}" for name, value in chosen.items()) or None
