"""Record: a case's attempts folded when read; the raw attempts stay what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median

from bench.cases.case import Attempt, Case, Measurement
from bench.cases.flags import OTHER_SETTING
from bench.cases.ranges import range_of
from bench.checking.structure.structure import Structure
from bench.judging.figures import average, figure, shares_of_phases
from bench.judging.mean import Mean, estimate_mean
from bench.judging.plausible import IMPOSSIBLE, implausible
from bench.judging.reducing import told
from bench.judging.statistics import Interval, Rounds, interval, round_values
from bench.machine.ceilings import Ceilings, Roofline, bound_of
from bench.store import Run
from bench.store.sound import OF_THE_CALL

PENDING = "pending"  # no outcome yet: the run was interrupted, or its budget ended

ENDINGS = {
    "budget": "the budget ended first",
    "interrupted": "the run was interrupted",
    "finished": "nothing of it was timed",
}


@dataclass(frozen=True)
class Record:
    """One row: the case, its outcome, and every measurement by quantity.

    A quality that fails costs itself alone: `quality_outcome` is what came of it, empty where none
    was measured, and leaves `outcome` as it is.
    `samples` keeps session x round x process x call; `values` holds quantities that were measured
    once or are the same whenever measured; `trajectories` holds what quality measured, by quantity
    and seed. What one rank measured is in `by_rank` alone, by quantity and rank: one value an
    attempt, of timed ones the median. Flags bar an `ok` record from rankings. `roofline` is the
    least time that the run's ceilings leave the case. `structure` is what a call did, None where
    that was not recorded.
    """

    case: Case
    outcome: str
    detail: str = ""
    failed_in: str = ""
    quality_outcome: str = ""
    quality_detail: str = ""
    samples: dict[str, dict[tuple[int, int], list[list[float]]]] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    trajectories: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    by_rank: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    roofline: Roofline | None = None
    structure: Structure | None = None

    @property
    def worthless(self) -> bool:
        """Say whether its quality was asked for and failed."""
        return self.quality_outcome not in ("", "ok")

    def rounds_of(self, judged: str = "time") -> Rounds:
        """Return one value a round of a sampled quantity, by medians unless it says otherwise."""
        quantity, reduce = told(judged)
        return round_values(self.samples.get(quantity, {}), reduce)

    def interval_of(self, quantity: str = "time") -> Interval | None:
        """Return estimate and interval of a sampled quantity; None where there is no sample."""
        rounds = self.rounds_of(quantity)
        return interval(rounds) if rounds else None

    def figure_of(self, quantity: str) -> float | None:
        """Return what a sampled quantity comes to over rounds; None where there is no sample.

        A phase is its share of the call, times the time.
        """
        if quantity in self.shares:
            return self.shares[quantity] * figure(self.samples["time"], "s")
        samples = self.samples.get(quantity)
        return figure(samples, self.units.get(quantity, "s")) if samples else None

    def figures_of_ranks(self, quantity: str) -> list[float]:
        """Return what every rank measured, in order of rank; of timed ones the average."""
        by_rank = [values for _, values in sorted(self.by_rank.get(quantity, {}).items())]
        if quantity in self.samples:
            return [average(values, self.units[quantity]) for values in by_rank]
        return [values[-1] for values in by_rank]

    @cached_property
    def shares(self) -> dict[str, float]:
        """Return the share of a call that every phase takes, and what lies outside of them."""
        phases = {name: own for name, own in self.samples.items() if self._is_phase(name)}
        return shares_of_phases(self.samples.get("time", {}), phases) if phases else {}

    def _is_phase(self, quantity: str) -> bool:
        return self.units.get(quantity) == "s" and quantity not in OF_THE_CALL

    def quality_of(self, quantity: str) -> Mean | None:
        """Return the mean over seeds of a one-sample quality; None for a trajectory."""
        by_seed = self.trajectories.get(quantity, {})
        if not by_seed or any(len(samples) != 1 for samples in by_seed.values()):
            return None
        values = [samples[0] for samples in by_seed.values()]
        return estimate_mean(values, within=range_of(quantity))

    @property
    def roofline_share(self) -> float | None:
        """Return the share of the best possible speed: the least time over the time."""
        found = self.interval_of()
        return self.roofline.bound_s / found.estimate if self.roofline and found else None

    @property
    def ranked(self) -> bool:
        """Say whether this record's time may be compared with others'."""
        return self.outcome == "ok" and not self.flags and "time" in self.samples


def fold(run: Run) -> list[Record]:
    """Fold the run's attempts into one record a case, in the order of the manifest."""
    attempts: dict[str, list[Attempt]] = {case.id: [] for case in run.manifest.cases}
    for attempt in run.attempts:
        attempts[attempt.case].append(attempt)
    ceilings = [c for session in run.manifest.sessions for c in session.ceilings]
    records = [fold_case(case, attempts[case.id], ceilings) for case in run.manifest.cases]
    records = [replace(r, structure=_structure(run, attempts[r.case.id])) for r in records]
    return [
        _unreached(r, run.last_session.ended_by) if r.outcome == PENDING else r for r in records
    ]


def _structure(run: Run, attempts: Sequence[Attempt]) -> Structure | None:
    """Return what the case's memory role saw a call do."""
    digests = [a.structure for a in attempts if a.structure]
    return run.structures.get(digests[-1]) if digests else None


def _unreached(record: Record, ended_by: str) -> Record:
    """Say why a case has no outcome; once, a quality that failed ended its case."""
    if record.worthless and ended_by == "finished":
        outcome, detail = record.quality_outcome, record.quality_detail
        return replace(record, outcome=outcome, detail=detail, failed_in="quality")
    return replace(record, detail=f"not reached: {ENDINGS.get(ended_by, 'the run was killed')}")


def fold_case(case: Case, attempts: list[Attempt], ceilings: Sequence[Ceilings] = ()) -> Record:
    """Fold one case: one failing attempt fixes the outcome; errors stay, times are barred.

    A profile says nothing of an outcome, and nothing that is compared: it is left out.
    """
    attempts = [attempt for attempt in attempts if attempt.role != "profile"]
    besides = ("quality", "fit")  # their failure is told beside what the others found
    failed = next((a for a in attempts if a.outcome != "ok" and a.role not in besides), None)
    timed = [a for a in attempts if a.role == "time"]
    if failed:
        outcome, detail = str(failed.outcome), failed.detail
    else:
        outcome, detail = ("ok" if timed or _complete(case, attempts) else PENDING), ""
    labels = _labels(attempts)
    failed_in = str(failed.role) if failed else ""
    logs = [a.log for a in attempts if a.log]
    record = Record(
        case, outcome, detail, failed_in, *_of_quality(attempts), labels=labels, logs=logs
    )
    for attempt in attempts:
        if outcome != "ok" and attempt.role in ("time", "memory", "fit"):
            continue  # no cost number without a passed check
        if attempt.outcome == "ok" or attempt.role != "quality":
            _take(record, attempt)
    if outcome == "ok":
        record.flags.extend(_flags(timed))
        if len({a.labels.get("clock") for a in timed}) > 1:
            record.flags.append("mixed_clocks")
        record = _held_to_setting(record, attempts)
        record = _held_to_roofline(record, attempts, bound_of(ceilings, case))
    return record


def _held_to_roofline(record: Record, attempts: list[Attempt], roofline: Roofline | None) -> Record:
    """Flag an `ok` record that cannot be; its detail says why."""
    record = replace(record, roofline=roofline)
    why = implausible(attempts, roofline)
    if not why:
        return record
    detail = "; ".join(dict.fromkeys(filter(None, [why, record.detail])))
    return replace(record, flags=[*record.flags, IMPOSSIBLE], detail=detail)


def _held_to_setting(record: Record, attempts: list[Attempt]) -> Record:
    """Flag an `ok` record of which any attempt ran in another setting, and say in which."""
    other = next((a for a in attempts if OTHER_SETTING in a.flags), None)
    if other is None:
        return record
    flags = sorted({*record.flags, OTHER_SETTING})
    return replace(record, flags=flags, detail=other.detail)


def _complete(case: Case, attempts: list[Attempt]) -> bool:
    """Say whether a case that is never timed has all that it asks: check, memory, every seed."""
    done = {(attempt.role, attempt.round) for attempt in attempts}
    seeds = {("quality", seed) for seed in range(case.quality_seeds)}
    if _of_quality(attempts)[0] not in ("", "ok"):
        seeds = set()  # the others are not asked for any more
    fit = {("fit", 0)} if case.fit_bytes else set()
    return not case.timed and done >= {("check", 0), ("memory", 0)} | fit | seeds


def _of_quality(attempts: list[Attempt]) -> tuple[str, str]:
    """Return what came of a case's quality, and why: the first failure of any seed."""
    own = [attempt for attempt in attempts if attempt.role == "quality"]
    failed = next((attempt for attempt in own if attempt.outcome != "ok"), None)
    if failed:
        return failed.outcome, failed.detail
    return ("ok", "") if own else ("", "")


def _labels(attempts: list[Attempt]) -> dict[str, str]:
    """Join the values a label had over the attempts, each once."""
    seen: dict[str, set[str]] = {}
    for attempt in attempts:
        own = dict(attempt.labels)
        if attempt.role == "fit" and attempt.outcome != "ok":
            own["fit"] = f"{attempt.outcome}: {attempt.detail}"
        for name, value in own.items():
            seen.setdefault(name, set()).add(value)
    return {name: "/".join(sorted(values)) for name, values in seen.items()}


def _take(record: Record, attempt: Attempt) -> None:
    for measurement in attempt.measurements:
        record.units[measurement.quantity] = measurement.unit
        if measurement.rank is not None:
            _take_of_rank(record, attempt, measurement, measurement.rank)
        elif attempt.role == "time":
            rounds = record.samples.setdefault(measurement.quantity, {})
            key = (attempt.session, attempt.round)
            rounds.setdefault(key, []).append(measurement.samples)
        elif attempt.role == "quality":
            by_seed = record.trajectories.setdefault(measurement.quantity, {})
            by_seed[attempt.round] = measurement.samples
        else:
            record.values[measurement.quantity] = measurement.samples[-1]


def _take_of_rank(record: Record, attempt: Attempt, measurement: Measurement, rank: int) -> None:
    samples = measurement.samples
    value = median(samples) if attempt.role == "time" else samples[-1]
    record.by_rank.setdefault(measurement.quantity, {}).setdefault(rank, []).append(value)


def _flags(timed: list[Attempt]) -> list[str]:
    """Keep a flag that was raised in at least half of the timed attempts."""
    counts = Counter(flag for attempt in timed for flag in set(attempt.flags))
    return sorted(flag for flag, count in counts.items() if 2 * count >= len(timed))
