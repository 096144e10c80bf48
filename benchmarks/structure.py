"""Is what a call does told without noise? Equal in fresh processes, and different where it changed.

Three proofs: cases in fresh processes of two checkouts, on one thread and on two; unchanged pairs
of `bench ab`; and changes planted in the suites' own code, which `bench ab` has to name, and
`bench explain` as the first cause of whatever changed.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console

from bench.cases.case import Case
from bench.checking.structure.differences import differences
from bench.checking.structure.structure import Structure
from bench.running.pairing.contenders import contenders
from bench.sides.checkout import at_work
from bench.sides.selection import select
from bench.sides.servers import Servers
from bench.sides.side import Side
from bench.store.structures import structure_of
from bench.system.own import ROOT
from benchmarks.compared import compared, of_structure, why
from benchmarks.results import FOLDER, Output, Quick, Row, Target, machine_facts, tell, write
from benchmarks.structure_edits import PLANTED, Asked, Edit
from reports.explanation.words import CALLED

PROCESSES, PAIRS = 20, 50
THREADS = [1, 2]
ALIKE = " alike in "
# A few cases of every suite: all of smoke would take hours.
FRESH = (
    "not compiled=True and ((attention and (sdpa_flash or linear)) or (mixers and gau) or "
    "(operators and softmax_whole) or (positions and rope) or (samplers and heun) or "
    "(precision and GPT and (fp32 or bf16_autocast)) or (distributed and ddp))"
)
UNCHANGED = (
    "not compiled=True and ((attention and (sdpa_flash or linear or quadratic)) or "
    "(mixers and (gau or lru or mamba2)) or (operators and batch=256) or positions or "
    "(samplers and (heun or euler)) or (precision and GPT and (fp32 or bf16_autocast)) or "
    "(distributed and (ddp or all_reduce)))"
)
ENOUGH = ("--rounds", "2", "--confirm", "0")  # of unchanged code no time is asked
TRACED = ("--rounds", "5", "--confirm", "12", "--profile")


def main(
    processes: Annotated[int, typer.Option(min=2, help="Fresh processes of a case.")] = PROCESSES,
    keyword: Annotated[str, typer.Option("-k", help="Cases of the first proof.")] = FRESH,
    threads: Annotated[list[int], typer.Option(help="Threads of the first proof.")] = THREADS,
    only: Annotated[str, typer.Option(help="processes, pairs or planted.")] = "",
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Count differences where nothing changed, and name those that were planted."""
    console = Console(stderr=True)
    targets: list[Target] = []
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="touchstone-") as name:
        folder = Path(name)
        proofs: dict[str, Callable[[], Iterator[Target]]] = {
            "processes": lambda: _fresh(2 if quick else processes, keyword, threads, folder),
            "pairs": lambda: unchanged_pairs(folder),
            "planted": lambda: planted(folder, PLANTED[:1] if quick else PLANTED),
        }
        for proof, prove in proofs.items():
            if only not in ("", proof):
                continue
            for target in prove():
                tell([target], [], console)
                targets.append(target)
                rows.append({"proof": proof, **asdict(target), **machine_facts()})
    paths = [write("structure", [*_others(output, only, targets), *rows], {}, output)]
    tell([], paths, console)
    raise typer.Exit(any(target.met is False for target in targets))


def _others(output: Path, only: str, targets: list[Target]) -> list[Row]:
    """Return what was found before by proofs that are not asked for, and of cases that are not."""
    path = output / "structure.csv"
    if not only or not path.exists():
        return []
    table = pd.read_csv(path, keep_default_na=False)
    asked = table["what"].map(_case).isin([_case(target.what) for target in targets])
    kept = (table["proof"] != only) | ((table["proof"] == "processes") & ~asked)
    return [dict(row) for _, row in table[kept].iterrows()]


def _case(what: str) -> str:
    return what.partition(ALIKE)[0]


def _fresh(times: int, keyword: str, threads: list[int], folder: Path) -> Iterator[Target]:
    for number in threads:
        yield from in_fresh_processes(times, keyword, number, folder)


def in_fresh_processes(times: int, keyword: str, threads: int, folder: Path) -> Iterator[Target]:
    """Record cases in fresh processes of two checkouts in turn."""
    found: dict[str, list[Structure]] = {}
    with contenders("HEAD", "HEAD", []) as both:
        sides = [replace(c.side, cache=folder) for c in both]
        cases = _cases(sides[0], keyword, threads)
        for number in range(times):
            for case, structure in _recorded(sides[number % 2], cases, folder):
                found.setdefault(case.id, []).append(structure)
    for name, structures in found.items():
        told = {"; ".join(differences(structures[0], one)) for one in structures} - {""}
        what = f"{name}{ALIKE}{len(structures)} processes of two checkouts"
        yield Target(what, "; ".join(told) or structures[0].digest, not told)


def _cases(side: Side, keyword: str, threads: int) -> list[Case]:
    sets = [f"threads={threads}"]
    found = select(side, [], keyword, sets, "smoke", "cpu", {}).cases
    smallest: dict[tuple[str, str, str], Case] = {}
    for case in found:  # one a variant and pass: the others differ in size
        smallest.setdefault((case.suite, case.variant, case.pass_), case)
    return list(smallest.values())


def _recorded(side: Side, cases: list[Case], folder: Path) -> Iterator[tuple[Case, Structure]]:
    """Run the memory role of every case once, each in a process of fresh servers."""
    log = folder / "log.txt"
    servers = Servers(side, cases, lambda: folder / "server.txt", lambda _: None, print)
    with servers:
        for case in cases:
            request: dict[str, Any] = {"case": at_work(case, side), "role": "memory"}
            reply = servers.attempt(case, {**request, "timeout_s": 300, "log": str(log)})
            structure = structure_of(reply.get("structure") or {})
            if reply["outcome"] == "ok" and structure is not None:
                yield case, structure


def unchanged_pairs(folder: Path) -> Iterator[Target]:
    """Compare a revision with itself by `bench ab`."""
    words = ("-k", UNCHANGED, *ENOUGH)
    table = of_structure(compared(ROOT, "HEAD", "HEAD", words, folder / "unchanged"))
    changed = table[table["verdict"] != "same"]
    told = "; ".join(f"{row['case']}: {row['why']}" for _, row in changed.iterrows())
    met = changed.empty and len(table) >= PAIRS
    yield Target(f"no difference in {len(table)} unchanged pairs", told or "none", met)


def planted(folder: Path, asked: tuple[Asked, ...]) -> Iterator[Target]:
    """Plant every change in a clone, and have `bench ab` name it."""
    clone = folder / "clone"
    _git(folder, "clone", "--quiet", str(ROOT), str(clone))
    for one in asked:
        for edit in one.edits:
            edit.plant(clone)
    person = ("-c", "user.name=proof", "-c", "user.email=proof@localhost")
    _git(clone, *person, "commit", "--quiet", "--all", "--message", "Planted changes")
    for number, one in enumerate(asked):
        words = (*one.words, *TRACED)
        found = compared(clone, "HEAD~1", "HEAD", words, folder / f"planted-{number}")
        for edit in one.edits:
            yield from _told(edit, found)


def _told(edit: Edit, folder: Path) -> Iterator[Target]:
    """Ask whether a comparison names an edit, and whether every explanation begins with it."""
    table = of_structure(folder)
    own = table[table["case"].str.contains(edit.case, regex=False)]
    named = [str(why) for why in own["why"] if edit.words in str(why)]
    told = [*named, *own["why"], "no such case"][0]
    yield Target(f"{edit.what} in {edit.case} is told", str(told), bool(named))
    changed = own.loc[own["why"].str.contains(edit.words, regex=False), "case"]
    for found in why(folder, set(changed)):
        first = found.lines[0]
        met = first.sort == CALLED["structure"] and edit.words in first.cause
        told = f"{found.verdict}; {first.share} {first.sort}: {first.cause}"
        yield Target(f"{edit.what} is the first cause in {found.case}", told, met)


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


if __name__ == "__main__":
    typer.run(main)
