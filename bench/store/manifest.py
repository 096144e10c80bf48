"""What `run.json` says: what was asked, where, and by which command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from bench.cases.bounds import (
    Count,
    Device,
    Moment,
    Name,
    Rate,
    Seconds,
    Text,
    Whole,
    Within,
)
from bench.cases.case import Case
from bench.machine.ceilings import Ceilings
from bench.store.allocated import Allocation

SCHEMA = 1


@dataclass(frozen=True)
class Session:
    """One start of `bench run` on this folder; a resume is another one.

    `sampler` says what the process that watches the GPUs was asked, and what it cost.
    `noise` is what selftests had found of this machine when it began.
    `allocated` are the cases of which a round times more than one process, by id.
    `lines` is how many lines `records.jsonl` had when the session ended; None: it was killed.
    """

    started: Moment
    environment: dict[str, Any]
    ended: Moment = ""
    timing_wall_s: Seconds = 0.0
    provision_s: Seconds = 0.0
    ended_by: Name = ""
    noise: dict[str, Any] = field(default_factory=dict)
    ceilings: list[Ceilings] = field(default_factory=list)
    sampler: dict[str, Any] = field(default_factory=dict)
    allocated: dict[Text, Allocation] = field(default_factory=dict)
    lines: Count | None = None


@dataclass(frozen=True)
class Manifest:
    """`run.json`: what was asked, where, and by which command.

    `profile` asks that every case is profiled, after all that is timed.
    `pairing` names the comparison that this run is one side of: rounds of equal numbers are pairs.
    `judged` names the quantity that verdicts on time are about, by kind of case; fixed beforehand.
    `journal` begins the chain of digests in `records.jsonl`; a run of before has none.
    `seal` shows the machine that wrote it that it did; see `bench.store.trust`.
    """

    command: list[Text]
    preset: Name
    device: Device
    seed: Whole
    share_s: Seconds
    checkpoints: list[Annotated[int, Within(1, 1_000_000)]]
    cases: list[Case]
    git: dict[str, Any] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    timeout_s: Seconds = 120.0
    budget_s: Seconds | None = None
    profile: bool = False
    pairing: Text = ""
    judged: dict[Name, Name] = field(default_factory=dict)
    journal: Name = ""
    seal: Name = ""
    schema: int = SCHEMA


@dataclass(frozen=True)
class Sampler:
    """What watching the GPUs cost; see `bench.machine.probes.sampler`."""

    period_s: Rate
    num_readings: Count
    wall_s: Seconds
    cpu_s: Seconds
    reading_s: Seconds
    reading_most_s: Seconds
    asked: Any = None
