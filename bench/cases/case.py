"""The plain nouns that cross process boundaries and reach the disk: Case, Measurement, Attempt."""

from dataclasses import dataclass, field
from typing import Literal

from bench.cases.bounds import (
    Count,
    Device,
    Few,
    Moment,
    Name,
    Number,
    Seconds,
    Several,
    Text,
    Whole,
)

Plain = Whole | Number | Text | bool | None

Outcome = Literal["ok", "incorrect", "unsupported", "oom", "timeout", "crash", "error"]
Role = Literal["check", "fit", "memory", "profile", "quality", "time"]

DTYPES = ("float64", "float32", "bfloat16", "float16")
CACHES = ("warm", "cold")
ALLOCATORS = ("fixed", "system")


@dataclass(frozen=True)
class Case:
    """One variant on one problem in one setting; the unit that is checked, timed and reported.

    `module` is where the variant is found: a dotted module name, or the path of a user's file.
    `posed_by` is the suite whose kind of problem a user's own is, where it is not of that suite.
    `flops` (a count) and `bytes_moved` are what the problem declares, None where it declares none;
    `work` is what else one call does, by unit (tokens, images): over time it is a rate. `rounds`
    bounds the rounds of this case (None: as many as the run takes, 0: it is never timed), `shares`
    is how many times the run's share each of its processes samples (where ranks take seconds to
    start, a longer look at what they do costs little more),
    `fit_bytes` asks for the largest batch that so many bytes hold (None: it is not asked),
    `quality_seeds` is how often its quality is measured, which comes to `quality_calls` calls a
    seed; `provisioned` says that something must be on disk first, `compiles` that every process
    compiles the step; `preload` are modules whose import a worker is spared. `computes_in` are the
    dtypes of its products where the variant chooses them; empty: the case's own. `ranks` are spread
    evenly over `nodes`. `allocator` says whether a CPU's malloc has its thresholds fixed, or is as
    any process gets it.
    """

    suite: Name
    variant: Name
    module: Text
    problem: Name
    values: dict[Name, Plain]
    dtype: Name = "float32"
    pass_: Name = "fwd"
    device: Device = "cpu"
    threads: Several = 1
    ranks: Several = 1
    nodes: Several = 1
    cache: Name = "warm"
    allocator: Name = "fixed"
    options: dict[Name, Plain] = field(default_factory=dict)
    rounds: Few | None = None
    shares: Several = 1
    fit_bytes: Count | None = None
    posed_by: Name = ""
    quality_seeds: Few = 0
    quality_calls: Count = 0
    provisioned: bool = False
    compiles: bool = False
    preload: list[Name] = field(default_factory=list)
    source_hash: Name = ""
    flops: Count | None = None
    bytes_moved: Count | None = None
    work: dict[Name, Number] = field(default_factory=dict)
    computes_in: list[Name] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Readable and stable: the same question asked of the same variant, on any day."""
        name, chosen = f"{self.suite}/{self.variant}", _join(self.options)
        return f"{name}[{chosen}]/{self.question}" if chosen else f"{name}/{self.question}"

    @property
    def question(self) -> str:
        """What is asked, whoever answers: "fastest" is ranked only within one question."""
        where = f"{self.device},threads={self.threads}"
        where += f",ranks={self.ranks}" if self.ranks > 1 else ""
        where += f",nodes={self.nodes}" if self.nodes > 1 else ""
        where += f",allocator={self.allocator}" if self.allocator != "fixed" else ""
        values = _join(self.values)
        return f"{self.problem}({values})/{self.dtype}/{self.pass_}/{where},{self.cache}"

    @property
    def spoken_for_by(self) -> str:
        """Return the suite whose answers, charts and claims are of such a case."""
        return self.posed_by or self.suite

    @property
    def local_ranks(self) -> int:
        """Return how many of the ranks one node has."""
        return self.ranks // self.nodes

    @property
    def timed(self) -> bool:
        """Say whether this case takes part in any round."""
        return self.rounds != 0

    @property
    def starts_cold(self) -> bool:
        """Say whether its very first call is a time of its own: it compiles, or sets up a device.

        Any other case's is what the first call of every process is.
        """
        return self.timed and (self.compiles or self.device != "cpu" or self.ranks > 1)

    def most_rounds(self, rounds: int) -> int:
        """Return how many of a run's rounds this case takes part in."""
        return rounds if self.rounds is None else min(rounds, self.rounds)


def _join(values: dict[str, Plain]) -> str:
    return ",".join(f"{name}={value}" for name, value in values.items() if value is not None)


@dataclass(frozen=True)
class Measurement:
    """Raw samples of one quantity within one process, in the base unit (s, bytes, 1).

    Where a case has several ranks, `rank` tells whose samples these are; None: the whole job's.
    """

    quantity: Name
    unit: Name
    samples: list[Number]
    rank: Few | None = None


@dataclass(frozen=True)
class Window:
    """When an attempt's samples were taken, in seconds of the machine's monotonic clock.

    Every process of the machine reads the same clock. `num_calls` were made within, and
    `in_calls_s` of it was spent in them; the rest is the instrument's.
    """

    begun_s: Number
    ended_s: Number
    num_calls: Count
    in_calls_s: Number

    @property
    def seconds(self) -> float:
        return self.ended_s - self.begun_s


@dataclass(frozen=True)
class Attempt:
    """One process that did one role of one case in one round, and what came of it.

    `elapsed_s` is wall time of the whole process, `measuring_s` the part of it spent in calls of
    the step (first call, warm-up, samples). `fingerprints` are left by the check role: per input
    seed and output, sampled values that a timed call must reproduce within `tolerances`. A timed
    attempt knows its `window`; what the device did outside of it is no part of the measurement.
    The check also tells which tensors of an output are `rewritten`, in memory that the step keeps,
    and about how long a warm call takes, `call_s`: no measurement, it bounds the time of a quality.
    The memory role leaves what a call did: `structure` is its digest, in the run's table of them.
    """

    case: Text
    role: Role
    session: Few
    round: Few
    outcome: Outcome
    detail: Text = ""
    process: Count = 0
    side: Name = ""
    measurements: list[Measurement] = field(default_factory=list)
    labels: dict[Name, Text] = field(default_factory=dict)
    flags: list[Name] = field(default_factory=list)
    fingerprints: list[list[list[float]]] = field(default_factory=list)
    tolerances: list[tuple[float, float]] = field(default_factory=list)
    rewritten: list[Count] = field(default_factory=list)
    started: Moment = ""
    elapsed_s: Seconds = 0.0
    measuring_s: Seconds = 0.0
    call_s: Seconds = 0.0
    window: Window | None = None
    structure: Name = ""
    log: Text = ""
