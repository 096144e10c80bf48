"""What charts of strategies share: names and sizes, as a table's rows tell them. Torch-free."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

SIZES = ("batch", "seqlen", "num_layers", "num_heads", "dim", "loss_steps")
OFF = ("=False", "=None", "=1", "=")  # options that leave a strategy what it is
SETTING = re.compile(r"(threads|ranks|nodes)=\d+,?")


def name(row: dict[Any, Any]) -> str:
    """Name a strategy with the options that make it another one."""
    options = str(row["options"]).split(",") if isinstance(row["options"], str) else []
    chosen = [o.removesuffix("=True") for o in options if not o.endswith(OFF)]
    return f"{row['variant']} [{', '.join(chosen)}]" if chosen else str(row["variant"])


def asked(row: dict[Any, Any]) -> str:
    """Return what a case shares with one process that trains the same, of its id."""
    problem, found, rest = str(row["case"]).partition(f"/{row['problem']}(")
    return SETTING.sub("", f"{found}{rest}" if found else problem)


def largest(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep one size of each strategy and number of ranks, the one with most parameters."""
    ordered = rows.sort_values("num_parameters", ascending=False, kind="stable")
    return ordered.drop_duplicates(["name", "ranks"]).sort_index()


def sizes(rows: pd.DataFrame) -> str:
    """Say what sizes rows have: one, or from where to where."""
    given = [size for size in SIZES if size in rows and rows[size].notna().all()]
    return ", ".join(f"{size} {_span(rows[size])}" for size in given)


def labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Add a label that tells numbers of ranks apart, and sizes, where there are several."""
    labels = rows["name"]
    if rows["ranks"].nunique() > 1:
        labels = labels + ", N = " + rows["ranks"].astype(int).astype(str)
    for size in SIZES:
        if size in rows and rows.groupby(labels)[size].nunique().gt(1).any():
            labels = labels + f", {size} " + rows[size].astype(int).astype(str)
    return rows.assign(label=labels)


def _span(values: pd.Series[float]) -> str:
    ends = dict.fromkeys(f"{end:.0f}" for end in (values.min(), values.max()))
    return "–".join(ends)
