"""Which columns of results.csv a reader of a suite is shown, in readable units."""

from __future__ import annotations

import pandas as pd

from bench.cases.case import Case
from bench.judging.record import Record
from reports import structures
from reports.measured import PROVENANCE
from reports.table import COLUMNS, value_columns
from reports.words import column_title, same_kind, shape

# Columns of results.csv that a reader is shown, around the suite's own, and what they are called.
BEFORE = {"variant": "variant", "options": "options", "problem": "problem"}
SETTING = {
    "device": "device",
    "dtype": "dtype",
    "pass": "pass",
    "threads": "threads",
    "ranks": "ranks",
    "cache": "cache",
    "allocator": "allocator",
}
RESULT = {
    "outcome": "outcome",
    "time_s": "time (ms)",
    "half_width": "± (%)",
    "unseen_mode_share": "unseen mode (%)",
}
AFTER = {
    "flops_per_s": "GFLOP/s",
    "bytes_per_s": "GB/s",
    "roofline_share": "of roofline (%)",
    "roofline_limit": "limited by",
    "peak_bytes": "peak (MiB)",
    "first_call_s": "first call (ms)",
    "error_over_budget": "error / budget",
    "rounds": "rounds",
    "stopped_by": "stopped by",
    "flags": "flags",
    "detail": "reason",
    "quality_outcome": "quality",
    "quality_detail": "why no quality",
}
# What was set besides what is asked for: told of every row, also where it is the same for all.
STATE = {"switches": "switches", "put_back": "put back"}
# What results.csv alone tells of the state while a step was timed; what is text has no scale.
UNSHOWN = {
    "padding_engine_elements",
    "unevenness_engine_elements",
    "step_counters_engine_bytes",
    *PROVENANCE,
    *structures.COLUMNS,
    "threads_ran",
    "memory_clock_mhz",
    "gpu_utilisation",
    "memory_utilisation",
    "cpu_clock_mhz",
}
SCALES = {
    "time_s": 1e-3,
    "first_call_s": 1e-3,
    "flops_per_s": 1e9,
    "bytes_per_s": 1e9,
    "roofline_share": 1e-2,
    "unseen_mode_share": 1e-2,
    "peak_bytes": float(2**20),
}


def shown(frame: pd.DataFrame, records: list[Record]) -> pd.DataFrame:
    """Return the rows as a reader is shown them: in readable units, only columns that tell."""
    values = [name for name in value_columns(records) if name in frame]
    own = [name for name in frame.columns if name not in {*COLUMNS, *values, *UNSHOWN}]
    failed = frame["quality_outcome"].where(frame["quality_outcome"] != "ok")
    frame = frame.assign(half_width=_half_width(frame), quality_outcome=failed)
    asked = _titled(frame, {**{name: name for name in values}, **SETTING})
    measured = _own(frame, [name for name in own if not _of_a_rank_beside_the_job(name, frame)])
    after = _titled(frame, AFTER)
    ok, problem = frame["outcome"] == "ok", frame["problem"]
    repeats = [name for name in values if _repeats(frame, name, values)]
    parts = [
        _titled(frame, BEFORE),
        asked[[c for c in asked if c not in repeats and _tells(asked[c], problem)]],
        _titled(frame, RESULT).dropna(axis=1, how="all"),
        measured[[c for c in measured if _tells(measured[c][ok], problem[ok], alone=True)]],
        after[[c for c in after if _tells(after[c], problem, alone=True)]],
        _titled(frame, {name: title for name, title in STATE.items() if name in frame}),
    ]
    whole = pd.concat(parts, axis=1)
    single = [c for c in ("options", "problem") if whole[c].nunique(dropna=False) < 2]
    return whole.drop(columns=single)


def constants(records: list[Record]) -> list[str]:
    """Say for each problem what all its cases share, and no column therefore tells."""
    by_problem: dict[str, list[Case]] = {}
    for record in records:
        by_problem.setdefault(record.case.problem, []).append(record.case)
    return [f"{name}: {_shared(cases)}" for name, cases in by_problem.items()]


def _shared(cases: list[Case]) -> str:
    first = cases[0]
    varying = {n for n in first.values if any(c.values.get(n) != first.values[n] for c in cases)}
    settings = [_setting(case) for case in cases]
    same = [words[0] for words in zip(*settings, strict=True) if len(set(words)) == 1]
    return " ".join([shape(first, varying), *(word for word in same if word != "ranks=1")]).strip()


def _setting(case: Case) -> list[str]:
    """Return the words for a case's setting; a GPU's memory is no malloc's."""
    nodes = f" on {case.nodes} nodes" if case.nodes > 1 else ""
    threads, ranks = f"threads={case.threads}", f"ranks={case.ranks}{nodes}"
    malloc = f"allocator={case.allocator}" if case.device == "cpu" else ""
    return [case.dtype, case.pass_, threads, ranks, malloc]


def _titled(frame: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return columns in readable units under their titles."""
    scaled = {
        name: frame[name].astype(float) / scale for name, scale in SCALES.items() if name in titles
    }
    return frame[list(titles)].assign(**scaled).rename(columns=titles)


def _own(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return what only some suites measure: a half-width stands for two bounds."""
    columns: dict[str, pd.Series] = {}
    bounds = {_bound(name, part) for name in names for part in ("_low", "_high")}
    for name in names:
        if name in bounds:
            continue
        title, scale = column_title(name)
        columns[title] = frame[name].astype(float) / scale
        low, high = _bound(name, "_low"), _bound(name, "_high")
        if low in frame and high in frame:
            columns[f"± {title}"] = (frame[high] - frame[low]).astype(float) / 2 / scale
    return pd.DataFrame(columns, index=frame.index)


def _bound(name: str, part: str) -> str:
    """Name the column of a quantity's bound: `fd_low`, `gap_low_s`."""
    suffix = next((s for s in ("_per_s", "_s", "_bytes") if name.endswith(s)), "")
    return f"{name.removesuffix(suffix)}{part}{suffix}"


def _half_width(frame: pd.DataFrame) -> pd.Series:
    ratio = (frame["time_high_s"] / frame["time_low_s"]).astype(float)
    return (ratio**0.5 - 1) * 100


def _of_a_rank_beside_the_job(name: str, frame: pd.DataFrame) -> bool:
    """Say whether a column is of single ranks and the job's own, or the most of any, is there."""
    if "_rank_min" in name:
        return True
    return "_rank_max" in name and name.replace("_rank_max", "") in frame


def _repeats(frame: pd.DataFrame, name: str, values: list[str]) -> bool:
    """Say whether a value only repeats one of its kind with a shorter name."""
    twins = [v for v in values if same_kind(v, name) and len(v) < len(name)]
    return any(frame[twin].equals(frame[name]) for twin in twins)


def _tells(column: pd.Series, problem: pd.Series, alone: bool = False) -> bool:
    """Say whether a column tells cases of some problem apart.

    With `alone`, whatever there is of a problem's only case is told too.
    """
    groups = [rows for _, rows in column.groupby(problem)]
    if any(rows.nunique(dropna=False) > 1 for rows in groups):
        return True
    return alone and any(len(rows) == 1 and rows.notna().all() for rows in groups)
