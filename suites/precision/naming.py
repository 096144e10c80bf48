"""How policies and workloads are called where they are drawn. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

EXACT = "fp32"
TELLING = "FineTuning"  # the workload that is made to tell policies apart
WORKLOADS = {
    "GPTTraining": "GPT on text",
    "UNetTraining": "U-Net on images",
    TELLING: "Small steps from large weights",
}
WAYS = ("micro_batches", "checkpointing", "adamw")  # in which a step is taken, whatever the policy
OFF = ("=None", "=False")  # options that leave a policy what it is


def named(row: Mapping[Any, Any]) -> str:
    """Name a policy with the options that make it another one."""
    told = str(row["options"]).split(",") if isinstance(row.get("options"), str) else []
    chosen = [option for option in told if not option.endswith(OFF)]
    return f"{row['variant']} {', '.join(chosen)}" if chosen else str(row["variant"])


def title(row: Mapping[Any, Any], sizes: Sequence[str]) -> str:
    """Name a workload at its sizes."""
    told = [f"{name} {row[name]:.0f}" for name in sizes]
    told += [f"{way} {_plain(row[way])}" for way in WAYS if asks(row, way)]
    return f"{WORKLOADS.get(row['problem'], row['problem'])}: {', '.join(told)}"


def asks(row: Mapping[Any, Any], way: str) -> bool:
    """Say whether a step is taken in a way; a table has NaN where it is not."""
    return row.get(way) is not None and row[way] == row[way]


def _plain(value: Any) -> str:
    return f"{value:.0f}" if isinstance(value, float) else str(value)
