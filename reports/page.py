"""What the HTML report says, gathered as plain values for its template."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from bench.case import Case
from bench.record import Record
from bench.store import Run
from reports.measuring import measuring_share
from reports.ranking import Ranking, rankings
from reports.words import factor, plus_minus, seconds, shape


@dataclass(frozen=True)
class Answer:
    """One line of the answer: at this size, this variant, by this factor."""

    size: str
    fastest: str
    time: str
    interval: str
    ties: list[str]
    next: str
    next_factor: str
    slowest: str
    slowest_factor: str


@dataclass(frozen=True)
class Family:
    """The answers that differ only in size."""

    title: str
    answers: list[Answer]


@dataclass(frozen=True)
class Failure:
    """Cases that were not measured for the same reason."""

    count: int
    outcome: str
    name: str
    detail: str
    log: str


def families(records: list[Record]) -> list[Family]:
    """Group the rankings by everything but the numbers that vary within a problem."""
    grouped: dict[tuple[str, ...], list[Ranking]] = {}
    for ranking in rankings(records):
        grouped.setdefault(_family(ranking.fastest.case), []).append(ranking)
    return [_as_family(key, group) for key, group in grouped.items()]


def _family(case: Case) -> tuple[str, ...]:
    switches = [name for name, value in case.values.items() if value is True]
    return (case.problem, *switches, case.dtype, case.pass_, case.device, f"{case.cache} cache")


def _as_family(key: tuple[str, ...], group: list[Ranking]) -> Family:
    cases = [ranking.fastest.case for ranking in group]
    values = cases[0].values
    constant = {n for n in values if all(case.values[n] == values[n] for case in cases)}
    varying = values.keys() - constant
    same = shape(cases[0], leave_out=varying | {n for n in values if values[n] is True})
    title = " · ".join([*key, *([same] if same else [])])
    return Family(title, [_answer(ranking, constant) for ranking in group])


def _answer(ranking: Ranking, constant: set[str]) -> Answer:
    case, found = ranking.fastest.case, ranking.fastest.interval_of()
    assert found is not None
    near, far = ranking.rivals[0], ranking.rivals[-1]
    return Answer(
        size=shape(case, leave_out=constant),
        fastest=case.variant,
        time=seconds(found.estimate),
        interval=plus_minus(found),
        ties=[rival.record.case.variant for rival in ranking.tied],
        next=near.record.case.variant,
        next_factor=factor(near.ratio),
        slowest=far.record.case.variant,
        slowest_factor=factor(far.ratio),
    )


def headline(records: list[Record]) -> str:
    """Say in one sentence who wins how often."""
    ranked = rankings(records)
    wins = Counter(r.fastest.case.variant for r in ranked if not r.tied)
    if not ranked:
        return "No question has two verified answers, so nothing is ranked."
    told = ", ".join(f"{name} {count}" for name, count in wins.most_common())
    ties = sum(bool(r.tied) for r in ranked)
    tail = f"; in {ties} the fastest cannot be told from its rivals" if ties else ""
    clear = f"fastest beyond doubt: {told}" if told else "none has a clear winner"
    return f"Of {len(ranked)} questions with rival answers, {clear}{tail}."


def failures(records: list[Record]) -> list[Failure]:
    """Gather every case that is not `ok`, by reason; the first log of each reason is named."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.outcome != "ok":
            key = (record.outcome, f"{record.case.suite}/{record.case.variant}", record.detail)
            groups.setdefault(key, []).append(record)
    return [
        Failure(len(group), outcome, name, detail, next((r.logs[0] for r in group if r.logs), ""))
        for (outcome, name, detail), group in groups.items()
    ]


def facts(run: Run, records: list[Record]) -> dict[str, str]:
    """Return the few lines that say what was run, where, and how far to trust it."""
    environment = run.last_session.environment
    gpus = ", ".join(names_of_gpus(environment)) or "none"
    outcomes = Counter(record.outcome for record in records)
    flags = Counter(flag for record in records for flag in record.flags)
    ok = [record for record in records if record.outcome == "ok"]
    drifting = sum("no" in record.labels.get("steady", "") for record in ok)
    share = measuring_share(run)
    commit = str(run.manifest.git.get("commit", "unknown"))[:12]
    return {
        "command": " ".join(run.manifest.command),
        "device": run.manifest.device,
        "CPU": f"{environment.get('cpu')}, {environment.get('cores_usable')} cores usable",
        "GPU": gpus,
        "torch": str(environment.get("torch")),
        "cases": ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common()),
        "rounds": f"{' or '.join(map(str, run.manifest.checkpoints))}, each case in a fresh "
        f"process, {run.manifest.share_s:g} s of sampling",
        "sessions": str(len(run.manifest.sessions)),
        "flagged": ", ".join(f"{n} {flag}" for flag, n in flags.items()) or "none",
        "still drifting after warm-up": f"{drifting} of {len(ok)} cases in some round",
        "time spent measuring": "unknown" if share is None else f"{share:.0%} of the timed rounds",
        "commit": commit + (" with local changes" if run.manifest.git.get("dirty") else ""),
    }


def names_of_gpus(environment: dict[str, Any]) -> list[str]:
    """Name the GPUs of an environment; a field of another form names none."""
    found = environment.get("gpus")
    gpus = found if isinstance(found, list) else []
    return [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, dict)]
