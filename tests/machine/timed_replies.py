"""A case on a GPU, replies of its timed attempts, and a driver's reasons for a slower clock."""

from __future__ import annotations

import dataclasses
from typing import Any

from bench.cases.case import Case, Window

CASE = Case("s", "v", "m", "P", {"n": 1}, device="cuda:0")
POWER_CAP, TOO_HOT, IDLE = 0x4, 0x40, 0x1
WINDOW = Window(begun_s=10.0, ended_s=11.0, num_calls=100, in_calls_s=0.95)
PERIOD_S = 0.002


def timed_reply(window: Window = WINDOW) -> dict[str, Any]:
    return {"outcome": "ok", "window": dataclasses.asdict(window)}


def samples_of(reply: dict[str, Any]) -> dict[str, list[float]]:
    return {m["quantity"]: m["samples"] for m in reply["measurements"]}
