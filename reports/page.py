"""What the HTML report says beside the answers, gathered as plain values for its template."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from bench.cases.counted import counted, rounds_asked
from bench.judging.record import Record
from bench.judging.statistics import unseen_mode_share
from bench.judging.words import seconds
from bench.store import Run
from reports.allocators import told_of_allocators
from reports.answers import ranked_with_none
from reports.ceilings import ceilings_in_words
from reports.findings import Judged, count_verdicts
from reports.measuring import measuring_share


@dataclass(frozen=True)
class Failure:
    """Cases of a suite that were not measured for the same reason."""

    count: int
    outcome: str
    variants: list[str]
    detail: str
    log: str


def by_suite(records: list[Record]) -> dict[str, list[Record]]:
    """Group records by suite, in order of appearance."""
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(record.case.suite, []).append(record)
    return grouped


def told(records: list[Record], judged: list[Judged]) -> str:
    """Say shortly how much of a suite was measured, and what its claims came to."""
    ok = sum(record.outcome == "ok" for record in records)
    counts = count_verdicts(judged)
    told = (
        f"{ok} of {counted(len(records), 'case')} measured{without_quality(records)}.",
        ranked_with_none(records),
        told_of_allocators(records),
        f"Of its claims, {counts}." if counts else "",
    )
    return " ".join(filter(None, told))


def without_quality(records: list[Record]) -> str:
    """Say of how many measured cases the quality failed; empty where of none."""
    failed = sum(record.outcome == "ok" and record.worthless for record in records)
    return f", {failed} of them without the quality, which failed" if failed else ""


def failures(records: list[Record]) -> list[Failure]:
    """Gather every case or quality that is not `ok`, by reason; the first log of each is named."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.outcome != "ok":
            groups.setdefault((record.outcome, record.detail), []).append(record)
        elif record.worthless:
            outcome = f"{record.quality_outcome} in quality"
            groups.setdefault((outcome, record.quality_detail), []).append(record)
    return [
        Failure(
            count=len(group),
            outcome=outcome,
            variants=list(dict.fromkeys(record.case.variant for record in group)),
            detail=detail,
            log=next(filter(None, map(_log, group)), ""),
        )
        for (outcome, detail), group in groups.items()
    ]


def _log(record: Record) -> str:
    """Return the log of the role that failed, else the first there is."""
    role = record.failed_in or "quality"
    of_role = (log for log in record.logs if log.endswith(f"-{role}.txt"))
    return next(of_role, record.logs[0] if record.logs else "")


def facts(run: Run, records: list[Record]) -> dict[str, str]:
    """Return the few lines that say what was run, where, and how far to trust it."""
    environment = run.last_session.environment
    gpus = ", ".join(names_of_gpus(environment)) or "none"
    outcomes = Counter(record.outcome for record in records)
    flags = Counter(flag for record in records for flag in record.flags)
    ok = [record for record in records if record.outcome == "ok"]
    timed = [record for record in ok if "time" in record.samples]
    drifting = sum("no" in record.labels.get("steady", "").split("/") for record in timed)
    share = measuring_share(run)
    ceilings = ceilings_in_words(run)
    commit = str(run.manifest.git.get("commit", "unknown"))[:12]
    return {
        "command": " ".join(run.manifest.command),
        "device": _devices(run),
        "CPU": f"{environment.get('cpu')}, {environment.get('cores_usable')} cores usable",
        "GPU": gpus,
        "torch": str(environment.get("torch")),
        "cases": ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common())
        + without_quality(records),
        "rounds": f"{rounds_asked(run.manifest.cases, run.manifest.checkpoints)} of a case, each "
        f"in {_processes(run)}, {run.manifest.share_s:g} s of sampling",
        **({"unseen modes": unseen} if (unseen := unseen_modes(records)) else {}),
        "sessions": str(len(run.manifest.sessions)),
        "flagged": ", ".join(f"{n} {flag}" for flag, n in flags.items()) or "none",
        "still drifting after warm-up": f"{drifting} of "
        f"{counted(len(timed), 'case')} in some round",
        "time spent measuring": "unknown" if share is None else f"{share:.0%} of the timed rounds",
        **({"ceilings": ceilings} if ceilings else {}),
        **_of_malloc(ok),
        **_of_probes(run, ok),
        "commit": commit + (" with local changes" if run.manifest.git.get("dirty") else ""),
    }


def _processes(run: Run) -> str:
    """Say in how many fresh processes a round times a case."""
    most = max((way.forks for way in run.last_session.allocated.values()), default=1)
    return f"1 to {most} fresh processes" if most > 1 else "a fresh process"


def _devices(run: Run) -> str:
    """Name the device, and others beside it: ranks for which there are too few GPUs."""
    device = run.manifest.device
    beside = Counter(case.device for case in run.manifest.cases if case.device != device)
    told = [f"{counted(count, 'case')} on {other}" for other, count in beside.items()]
    return "; ".join([device, *told])


def unseen_modes(records: list[Record]) -> str:
    """Say what so few rounds may not show: intervals know only modes that were met."""
    rounds = [found.rounds for record in records if (found := record.interval_of())]
    if not rounds:
        return ""
    share = unseen_mode_share(min(rounds))
    return (
        f"{counted(min(rounds), 'round')}, the fewest here, can miss a mode of up to {share:.0%} "
        "of all rounds (1 time in 20), which no interval then covers; more rounds show it"
    )


def _of_malloc(ok: list[Record]) -> dict[str, str]:
    """Say which malloc served the times, and how it was told to behave."""
    served = Counter(record.labels["malloc"] for record in ok if "malloc" in record.labels)
    told = "; ".join(
        f"{malloc} ({count} {'case' if count == 1 else 'cases'})"
        for malloc, count in served.most_common()
    )
    return {"allocator": told} if told else {}


def _of_probes(run: Run, ok: list[Record]) -> dict[str, str]:
    """Say what counted energy, and what watching the GPU cost; nothing where neither was."""
    lines = {}
    counters = Counter(
        f"{record.labels['energy_by']}, of {record.labels['energy_of']}"
        for record in ok
        if "energy" in record.samples and "energy_of" in record.labels
    )
    if counters:
        told = [f"{by} ({counted(n, 'case')})" for by, n in counters.most_common()]
        lines["energy by"] = "; ".join(told)
    if sampler := run.last_session.sampler:
        lines["GPU sampler"] = sampler_in_words(sampler)
    return lines


def sampler_in_words(told: dict[str, Any]) -> str:
    """Say what the sampler read and what it took, or why it read nothing."""
    if "off" in told:
        return f"off: {told['off']}"
    cores = told["cpu_s"] / max(told["wall_s"], told["period_s"])
    return (
        f"{told['num_readings']} readings, one every {1000 * told['period_s']:.0f} ms; a reading "
        f"took {seconds(told['reading_s'])} (at most {seconds(told['reading_most_s'])}) in a "
        f"process of its own, {cores:.1%} of a core"
    )


def names_of_gpus(environment: dict[str, Any]) -> list[str]:
    """Name the GPUs of an environment; a field of another form names none."""
    found = environment.get("gpus")
    gpus = found if isinstance(found, list) else []
    return [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, dict)]
