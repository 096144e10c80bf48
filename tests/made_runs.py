"""Run folders of known ratios: what a comparison should find in them is known beforehand."""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import msgspec

from bench.cases.case import Attempt, Case, Measurement, Plain
from bench.checking.structure.structure import Structure
from bench.store import Manifest, Run, Session, read
from bench.store.paired import Contestant, Pairing

ROUNDS = 5
UNITS = {
    "peak": "bytes",
    "wire": "bytes",
    "resident_growth": "bytes",
    "activations": "bytes",
    "loss_gap": "nat",
}
ENVIRONMENT = {
    "machine_id": "0123456789ab",
    "cpu": "a made-up CPU",
    "cores_usable": 2,
    "frequency_policy": "performance",
    "kernel": "6.1",
    "torch": "2.x",
    "load_1m": 0.3,
    "settings": {"OMP_NUM_THREADS": "1"},
    "libraries": {"numpy": "2.0", "torch": "2.x"},
}


@dataclass
class Made:
    """One case of a made-up run; `time_s` None: it is never timed."""

    variant: str
    time_s: float | None = 1e-3
    sd: float = 0.002
    values: dict[str, float] = field(default_factory=dict)
    quality: dict[str, list[float]] = field(default_factory=dict)
    outcome: str = "ok"
    detail: str = ""
    quality_outcome: str = "ok"  # of one seed more than `quality` has, where it is not ok
    flags: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=lambda: {"clock": "monotonic"})
    size: Plain = 64
    options: dict[str, Plain] = field(default_factory=dict)
    dtype: str = "float32"
    rounds: int | None = None
    thread_time_s: float | None = None
    energy_j: float | None = None
    source_hash: str = "0"
    structure: Structure | None = None

    @property
    def seeds(self) -> int:
        return max(map(len, self.quality.values()), default=0)

    @property
    def case(self) -> Case:
        return Case(
            "made",
            self.variant,
            "suites.made",
            "Question",
            {"size": self.size},
            dtype=self.dtype,
            options=self.options,
            rounds=0 if self.time_s is None else self.rounds,
            quality_seeds=self.seeds + (self.quality_outcome != "ok"),
            source_hash=self.source_hash,
        )


def make(
    folder: Path,
    cases: list[Made],
    *,
    pairing: str = "",
    confirm: int = 0,
    seed: int = 0,
    environment: dict | None = None,
    **manifest: object,
) -> Run:
    """Write a run folder and read it back. `confirm` more rounds than the first stage's."""
    folder.mkdir(parents=True)
    asked = Manifest(
        command=["bench", "run"],
        preset="smoke",
        device="cpu",
        seed=seed,
        share_s=0.3,
        checkpoints=[ROUNDS],
        cases=[made.case for made in cases],
        git={"commit": "c0ffee" * 6, "dirty": False},
        sessions=[Session("2026-01-01T00:00:00+00:00", {**ENVIRONMENT, **(environment or {})})],
        pairing=pairing,
    )
    run = Run(folder, replace(asked, **manifest))  # type: ignore[arg-type]
    run.save()
    for made in cases:
        if made.structure:
            run.keep(made.structure)
    lines = [msgspec.json.encode(a) for made in cases for a in attempts(made, confirm, seed)]
    run.records_path.write_bytes(b"\n".join(lines) + b"\n")
    return read(folder)


def attempts(made: Made, confirm: int, seed: int) -> list[Attempt]:
    """Return a check, memory, quality and timed attempts; a failing case is checked only."""
    name = made.case.id
    if made.outcome == "pending":
        return []
    if made.outcome != "ok":
        return [Attempt(name, "check", 0, 0, made.outcome, made.detail)]  # type: ignore[arg-type]
    values = [Measurement(q, UNITS.get(q, "1"), [v]) for q, v in made.values.items()]
    found = [Attempt(name, "check", 0, 0, "ok")]
    did = made.structure.digest if made.structure else ""
    memory = Attempt(name, "memory", 0, 0, "ok", measurements=values, structure=did)
    found.append(replace(memory, labels=made.labels))
    for number in range(made.seeds):
        own = [
            Measurement(q, UNITS.get(q, "1"), [v[number]])
            for q, v in made.quality.items()
            if number < len(v)
        ]
        found.append(Attempt(name, "quality", 0, number, "ok", measurements=own))
    if made.quality_outcome != "ok":
        found.append(Attempt(name, "quality", 0, made.seeds, made.quality_outcome, "it hung"))  # type: ignore[arg-type]
    if made.time_s is not None:
        numbers = [*range(made.case.most_rounds(ROUNDS)), *range(ROUNDS, ROUNDS + confirm)]
        found += [_timed(made, number, seed) for number in numbers]
    return found


def _timed(made: Made, number: int, seed: int) -> Attempt:
    """Time one round: what disturbs a round disturbs both sides, the rest is the side's own."""
    shared = random.Random(f"{made.variant}-{made.size}-{number}").gauss(0, 0.03)
    own = random.Random(f"{made.variant}-{made.size}-{number}-{seed}")
    levels = {
        "time": ("s", made.time_s),
        "thread_time": ("s", made.thread_time_s),
        "energy": ("J", made.energy_j),
    }
    found = [
        Measurement(name, unit, [level * math.exp(shared + own.gauss(0, made.sd))])
        for name, (unit, level) in levels.items()
        if level is not None
    ]
    return Attempt(
        made.case.id,
        "time",
        0,
        number,
        "ok",
        measurements=found,
        labels=made.labels,
        flags=made.flags,
    )


def make_pair(
    folder: Path, base: list[Made], new: list[Made], *, confirm: int = 15, **both: object
) -> tuple[Run, Run]:
    """Write the folder of a paired comparison: `ab.json`, `A` and `B`."""
    folder.mkdir(parents=True)
    told = Pairing(
        command=["bench", "ab", "main", "."],
        sort="revision",
        a=Contestant("main"),
        b=Contestant("."),
        seed=0,
        preset="smoke",
        device="cpu",
        first_rounds=ROUNDS,
        confirm_pairs=15,
        margin=0.02,
    )
    (folder / "ab.json").write_text(json.dumps(asdict(told)))
    a, b = (
        make(folder / name, cases, pairing=folder.name, confirm=confirm, seed=seed, **both)
        for seed, (name, cases) in enumerate((("A", base), ("B", new)))
    )
    return a, b
