"""The time of a step on ranks that nobody has: compute rate, alpha and beta of a run. Torch-free.

Seconds = flops of a rank / rate + x * transfers. Transfers take what bare collectives of the run
took, alpha a message and bytes / beta; x is how much of that a strategy's steps show: below 1
where computing hides it, above where the engine copies besides. Where ranks outnumber the cores,
computing takes as many times longer, and so does a transfer within the machine, which is copying
by those cores; one between machines waits for the wire.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.answers import Interval, Record, Rounds, interval
from bench.errors import UserError
from suites.distributed.claimed import precision_of
from suites.distributed.planning.alpha_beta import AlphaBeta, Transfer, fit_alpha_beta
from suites.distributed.planning.fitted import Fit, Timed, fit
from suites.distributed.sizes import COLLECTIVES, lines
from suites.distributed.theory import PASSES, ring_bytes

TRAINING = "DataParallelTraining"
ALONE = "single"
BUCKET_BYTES = 25 * 2**20  # of DistributedDataParallel


@dataclass(frozen=True)
class Step:
    """A strategy's step as a prediction needs it; elements by collective are of whole buffers."""

    strategy: str
    ranks: int
    rank_flops: float
    elements: Mapping[str, float]
    itemsize: int
    layers: float
    crowding: float = 1.0  # ranks on a core
    link_crowding: float = 1.0  # of a transfer


@dataclass(frozen=True)
class Measured:
    """A step that a run timed."""

    step: Step
    rounds: Rounds


@dataclass(frozen=True)
class Rates:
    """Everything fitted to a run."""

    links: dict[str, AlphaBeta]
    steps: Fit
    strategies: tuple[str, ...]

    def knows(self, step: Step) -> bool:
        """Say whether the run timed this strategy and all collectives it needs."""
        known = step.strategy == ALONE or step.strategy in self.strategies
        return known and set(step.elements) <= set(self.links)

    def seconds(self, step: Step) -> Interval:
        return self.steps.seconds(_parts(step, self.links, self.strategies))

    def flops_per_s(self) -> float:
        cost = float(self.steps.costs[0])
        return 1 / cost if cost else math.inf


@dataclass(frozen=True)
class HeldOut:
    """A prediction beside what was measured at a world size that its fit never saw."""

    step: Step
    predicted: Interval
    measured: Interval
    fitted_on: tuple[int, ...]

    @property
    def error(self) -> float:
        """Return the prediction's relative error."""
        return self.predicted.estimate / self.measured.estimate - 1

    @property
    def half_s(self) -> float | None:
        """Return the error that is stated of the difference: the prediction's and what was seen."""
        ends = (self.predicted.low, self.predicted.high, self.measured.low, self.measured.high)
        if any(end is None for end in ends):
            return None
        _, high, seen_low, seen_high = (float(end or 0.0) for end in ends)
        return math.hypot(high - self.predicted.estimate, (seen_high - seen_low) / 2)

    @property
    def within(self) -> bool | None:
        """Say whether they differ by no more; None where the error is as large as the time."""
        half, apart = self.half_s, abs(self.predicted.estimate - self.measured.estimate)
        if half is None or half >= self.predicted.estimate:
            return None
        return apart <= half


def measured(records: Sequence[Record], cores: int) -> list[Measured]:
    """Return the steps that a run timed, of the one question with most of them."""
    asked: dict[object, list[Record]] = {}
    for record in records:
        if _timed(record) and _is_plain(record):
            key = (*sorted(record.case.values.items()), record.case.device, record.case.threads)
            asked.setdefault(key, []).append(record)
    own = max(asked.values(), key=_world_sizes_then_cases, default=[])
    return [Measured(_step(record, cores), record.rounds_of()) for record in own]


def _world_sizes_then_cases(records: Sequence[Record]) -> tuple[int, int]:
    return len({record.case.ranks for record in records}), len(records)


def _step(record: Record, cores: int) -> Step:
    case, values = record.case, record.values
    names = [name for name in PASSES if f"{name}_elements" in values]
    return Step(
        case.variant,
        case.ranks,
        float(case.flops or 0) / case.ranks,
        {name: values[f"{name}_elements"] for name in names} if case.ranks > 1 else {},
        4,
        float(case.values.get("num_layers") or 1),
        _crowding(record, cores),
        _link_crowding(record, cores),
    )


def fit_rates(records: Sequence[Record], cores: int, without: int | None = None) -> Rates:
    """Fit to a run, without one world size; UserError where it tells too little."""
    links = _links(records, cores, without)
    every = [one for one in measured(records, cores) if one.step.ranks != without]
    known = [one for one in every if set(one.step.elements) <= set(links)]
    if len({one.step.ranks for one in known}) < 2:
        raise UserError(
            "expected a run that timed training on at least two world sizes, and their "
            f"collectives; got {len({one.step.ranks for one in known})}: bench run distributed "
            "--set ranks=1,2,3,4"
        )
    names = tuple(sorted({one.step.strategy for one in known if one.step.elements}))
    cases = [Timed(_parts(one.step, links, names), one.rounds) for one in known]
    try:
        return Rates(links, fit(cases), names)
    except ValueError as error:
        raise UserError(f"the run cannot tell computing from communication: {error}") from error


def check(records: Sequence[Record], cores: int) -> list[HeldOut]:
    """Predict the largest world size from the others; nothing where there are too few."""
    steps = measured(records, cores)
    sizes = sorted({one.step.ranks for one in steps})
    if len(sizes) < 3:
        return []
    try:
        rates = fit_rates(records, cores, without=sizes[-1])
    except UserError:
        return []
    return [
        HeldOut(one.step, rates.seconds(one.step), interval(one.rounds), tuple(sizes[:-1]))
        for one in steps
        if one.step.ranks == sizes[-1] and rates.knows(one.step)
    ]


def _links(records: Sequence[Record], cores: int, without: int | None) -> dict[str, AlphaBeta]:
    found: dict[str, list[Transfer]] = {}
    for record, times in lines([record for record in records if _timed(record)]):
        name = COLLECTIVES[record.case.problem]
        if record.case.ranks != without:
            crowding = _link_crowding(record, cores)
            messages = crowding * PASSES[name] * (record.case.ranks - 1)
            for size, rounds in times.items():
                sent = crowding * ring_bytes(name, size, record.case.ranks)
                found.setdefault(name, []).append(Transfer(messages, sent, rounds))
    links = {}
    for name, transfers in found.items():
        try:
            links[name] = fit_alpha_beta(transfers)
        except ValueError:  # one size, or rounds apart: this collective is not known
            continue
    if not links:
        raise UserError("expected a run that timed collectives of at least two sizes, got none")
    return links


def _parts(
    step: Step, links: dict[str, AlphaBeta], strategies: tuple[str, ...]
) -> tuple[float, ...]:
    """Return what a step is made of: flops in a row, and each strategy's bare transfers."""
    bare = sum(_transfer_s(step, name, count, links) for name, count in step.elements.items())
    own = [step.link_crowding * bare if name == step.strategy else 0.0 for name in strategies]
    return (step.crowding * step.rank_flops, *own)


def _transfer_s(step: Step, name: str, count: float, links: dict[str, AlphaBeta]) -> float:
    num_bytes = count * step.itemsize
    least = step.layers + 1 if "all_gather" in step.elements else 1.0
    calls = max(least, math.ceil(num_bytes / BUCKET_BYTES))
    messages = calls * PASSES[name] * (step.ranks - 1)
    return links[name].seconds(messages, ring_bytes(name, num_bytes, step.ranks)).estimate


def _timed(record: Record) -> bool:
    return record.outcome == "ok" and "time" in record.samples


def _is_plain(record: Record) -> bool:
    """Say whether it is training in float32: the plan counts four bytes an element sent."""
    return record.case.problem == TRAINING and precision_of(record) == "float32"


def _crowding(record: Record, cores: int) -> float:
    """Return how many ranks share a core; GPUs are never shared."""
    return max(1.0, record.case.ranks / cores) if record.case.device == "cpu" else 1.0


def _link_crowding(record: Record, cores: int) -> float:
    return _crowding(record, cores) if record.case.nodes == 1 else 1.0
