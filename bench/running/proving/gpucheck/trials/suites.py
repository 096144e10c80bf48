"""The smallest case of each suite runs through `bench run`: checked, timed, and not impossible."""

from __future__ import annotations

from pathlib import Path

from bench.cases.case import Case
from bench.cases.flags import OTHER_SETTING
from bench.cases.keywords import chooser
from bench.errors import in_one_line
from bench.judging.plausible import IMPOSSIBLE
from bench.judging.record import Record, fold
from bench.running.proving.gpucheck.finding import Failed, Figure, Skipped
from bench.running.proving.gpucheck.trial import Here, suites
from bench.store import read

ORDER = 110
LIMIT_S = 120

ROUNDS = 2
ACCUSING = (IMPOSSIBLE, OTHER_SETTING)
MOST_TRIES = 3  # of different variants, where one is not for this card


parts = suites


def ask(here: Here) -> list[Figure]:
    """Run the smallest case; the next variant's, where a variant is not for this card."""
    with here.server() as server:
        listed = here.listed(server, here.part)
    cases = smallest_of_each(listed)
    if not cases:
        raise Skipped(f"no variant of {here.part} can be imported here: see its log")
    reasons = []
    for number, case in enumerate(cases[:MOST_TRIES]):
        record = _record(here, listed, case, here.folder / "runs" / str(number))
        if record.outcome != "unsupported":
            return figures(record)
        reasons.append(f"{case.variant}: {record.detail}")
    raise Skipped("; ".join(reasons))


def smallest_of_each(listed: list[Case]) -> list[Case]:
    """Return the case of every variant that declares least work, the least of all first.

    Of a module that cannot be imported there is no problem. One process is enough.
    """
    usable = [case for case in listed if case.problem and case.ranks == 1 and case.timed]
    least: dict[str, Case] = {}
    for case in sorted(usable, key=_size):
        least.setdefault(case.variant, case)
    return list(least.values())


def _size(case: Case) -> tuple[float, float, str]:
    work = case.flops or case.bytes_moved or sum(case.work.values())
    return (work or 0.0, sum(v for v in case.values.values() if isinstance(v, int)), case.id)


def _record(here: Here, listed: list[Case], case: Case, output: Path) -> Record:
    words = words_for(here.part, listed, case)
    waits = ["--wait"] if here.wait else []
    done = here.bench("run", *words, "--output", str(output), *waits)
    print(done.stdout)  # into the trial's log
    folders = list(output.glob("*/run.json"))
    if not folders:
        last = (done.stdout.strip().splitlines() or ["nothing"])[-1]
        raise Failed(f"bench run ended with {done.returncode}: {in_one_line(last)}")
    (record,) = fold(read(folders[0].parent))
    return record


def words_for(suite: str, listed: list[Case], case: Case) -> list[str]:
    """Return what `bench run` is asked, so that it measures this case and no other."""
    keyword = keyword_of(case, listed)
    seeds = min(case.quality_seeds, 1)
    return [
        *(suite, "-k", keyword, "--preset", "smoke", "--device", case.device),
        *("--rounds", str(ROUNDS), "--set", f"quality_seeds={seeds}"),
    ]


def keyword_of(case: Case, listed: list[Case]) -> str:
    """Return words of a case's id, and of ids that have all of these, what they have besides."""
    keyword = _words(case)
    asked = chooser(keyword)
    longer = [_words(other) for other in listed if other.id != case.id and asked(other.id)]
    return " and ".join([keyword, *(f"not ({words})" for words in longer)])


def _words(case: Case) -> str:
    """Ask for every word that a case's id is made of; brackets are none."""
    return " and ".join(case.id.replace("(", " ").replace(")", " ").split())


def figures(record: Record) -> list[Figure]:
    """Judge one row: an outcome that is not ok fails, and so does a flag that accuses."""
    if record.outcome != "ok":
        raise Failed(f"{record.case.id}: {record.outcome}: {record.detail}")
    return [
        Figure(record.case.id, record.figure_of("time"), "s", 1e-7, 60.0),
        *(Figure(f"flagged {flag}", float(flag in record.flags), "1", 0, 0) for flag in ACCUSING),
    ]
