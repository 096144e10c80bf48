"""Small run folders of every suite, to be damaged: of today, of before, a comparison, selftests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.cases.case import Attempt, Case
from bench.cases.kind import kind_of
from bench.judging.noise_file import SCHEMA, CaseRounds, NoiseFile, NoiseSession
from bench.store import Run, create_at, read, write_whole
from bench.store.journal import sealed
from bench.store.paired import Contestant, Pairing
from bench.system.own import ROOT
from benchmarks.readers import Command, commands, of_pairs, with_selftests

CASES, ROUNDS, SAMPLES = 3, 2, 8  # of a problem, of a case, of a measurement
RUN = (Path("run.json"), Path("records.jsonl"))


@dataclass(frozen=True)
class Sample:
    """A folder to damage: which files, the runs in it, and the commands that read it.

    Of all damage it gets so many shares.
    """

    name: str
    folder: Path
    files: list[Path]
    runs: tuple[str, ...]
    commands: Callable[[], dict[str, Command]]
    share: int


def build(place: Path) -> Iterator[Sample]:
    """Write the folders."""
    run = published()
    suites = list(dict.fromkeys(case.suite for case in run.manifest.cases))
    for suite in suites:
        copied(of_suite(run, suite), place / suite, journal=False)
        yield Sample(f"before, {suite}", place / suite, list(RUN), (".",), commands, 2)
    first, *_, last = suites
    copied(of_suite(run, last), place / "today")
    yield Sample("today", place / "today", list(RUN), (".",), commands, 3)
    for name in ("A", "B"):
        copied(of_suite(run, first), place / "ab" / name, journal=name == "A", pairing="ab")
    _write_pairing(place / "ab")
    files = [Path("ab.json"), *(Path(side) / name for side in ("A", "B") for name in RUN)]
    yield Sample("comparison", place / "ab", files, ("A", "B"), of_pairs, 3)
    copied(of_suite(run, first), place / "selftests" / "run")
    kept = _write_selftests(of_suite(run, first), place / "selftests")
    yield Sample("selftests", place / "selftests", [kept], (), with_selftests, 1)


def published() -> Run:
    """Return a few cases of every problem of a published run, with a few samples of each."""
    folder = sorted((ROOT / "reports" / "published").glob("*/run.json"))[-1].parent
    run = read(folder)
    kept: Counter[str] = Counter()
    cases: list[Case] = []
    for case in run.manifest.cases:
        kept[case.problem] += 1
        cases += [case] if kept[case.problem] <= CASES else []
    attempts = [_short(one) for one in run.attempts if one.round < ROUNDS]
    return Run(folder, replace(run.manifest, cases=cases), attempts)


def of_suite(run: Run, suite: str) -> Run:
    """Return the part of a run that is of one suite."""
    cases = [case for case in run.manifest.cases if case.suite == suite]
    ids = {case.id for case in cases}
    attempts = [attempt for attempt in run.attempts if attempt.case in ids]
    return Run(run.folder, replace(run.manifest, cases=cases), attempts)


def _short(attempt: Attempt) -> Attempt:
    """Return the attempt with the first of its samples, and a few values of its fingerprints."""
    found = [replace(m, samples=m.samples[:SAMPLES]) for m in attempt.measurements]
    prints = [[values[:2] for values in outputs] for outputs in attempt.fingerprints]
    return replace(attempt, measurements=found, fingerprints=prints[:1])


def copied(run: Run, folder: Path, journal: bool = True, pairing: str = "") -> None:
    """Write the run anew: with digests, or as runs of before were written."""
    count = len(run.attempts) if journal else None
    sessions = [replace(session, lines=count) for session in run.manifest.sessions]
    made = create_at(folder, replace(run.manifest, sessions=sessions, pairing=pairing))
    lines, head = [], made.head
    for number, one in enumerate(run.attempts, 1):
        line, head = sealed(msgspec.json.encode(one), number, head)
        lines.append(line if journal else msgspec.json.encode(one) + b"\n")
    write_whole(made.records_path, b"".join(lines))
    if not journal:
        made.manifest = replace(made.manifest, journal="", seal="")
        made.save()


def _write_pairing(folder: Path) -> None:
    told = Pairing(
        command=["bench", "ab", "main", "."],
        sort="revision",
        a=Contestant("main"),
        b=Contestant("."),
        seed=1,
        preset="smoke",
        device="cpu",
        first_rounds=5,
        confirm_pairs=15,
        margin=0.02,
    )
    write_whole(folder / "ab.json", msgspec.json.encode(asdict(told)) + b"\n")


def _write_selftests(run: Run, folder: Path) -> Path:
    """Write what selftests of three days keep of a machine; return where, within the folder."""
    rounds = {clock: [(1e-3, 1.01e-3), (1.02e-3, 1e-3)] for clock in ("time", "thread_time")}
    cases = [
        CaseRounds(case.id, kind_of(case), case.source_hash, rounds)
        for case in run.manifest.cases[:4]
    ]
    sessions = [
        NoiseSession(datetime(2026, 11, day, tzinfo=UTC), f"selftest-{day}", "2.x", cases)
        for day in (1, 2, 3)
    ]
    machine = run.last_session.environment["machine_id"]
    kept = Path("cache") / "noise" / f"{machine}-{run.manifest.device}.json"
    (folder / kept).parent.mkdir(parents=True)
    write_whole(folder / kept, msgspec.json.encode(NoiseFile(SCHEMA, sessions)) + b"\n")
    return kept
