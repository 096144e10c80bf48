"""Damaged and forged run folders: no command may end in anything but an answer or a clear refusal.

A few cases of every suite are taken from a published run, and written as a run of today (whose
lines have digests), as one of before, and as both sides of a comparison. Copies are damaged in
every way of `benchmarks.damage`, and commands that read a folder are called on them, in a process
that cannot import torch: those that draw pages on one copy in ten, the others on all. What damage
of structure changes must be refused or told.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.errors import UserError
from bench.judging.record import fold
from bench.store import Run, read
from benchmarks import damage
from benchmarks.damage import Damage
from benchmarks.folders import Sample, build
from benchmarks.readers import FAILED, READ, REFUSED, Came, scripts_made_once, tried
from benchmarks.results import FOLDER, Output, Quick, Row, Target, tell, write

COUNT, QUICK_COUNT = 10_200, 60
SEED = 10
TELL_EVERY = 500
UNSEEN = ["changed the run, and nothing told it"]

Damages = Callable[[list[Path], Path, random.Random, int], Iterator[Damage]]
WAYS: dict[Damages, int] = {  # with the share of each, in parts
    damage.revalued: 8,
    damage.renamed: 4,
    damage.flipped: 3,
    damage.relined: 3,
    damage.unmeasured: 4,
    damage.unordinary: 1,
    damage.recast: 1,
}
CHEAP = ("show", "claims", "resume", "compare ab", "compare, selftests")
COSTLY = ("report", "compare")
PAGES = 0.1  # of the copies
OF_ANY_FILE = (damage.revalued, damage.renamed, damage.flipped, damage.unordinary)


@dataclass(frozen=True)
class Tried:
    """One damaged copy: what every command made of it, and whether it changed a run unseen."""

    sample: str
    damage: Damage
    came: list[Came]
    unseen: bool


class WithoutTorch(MetaPathFinder):
    """Refuses to import torch, which reading must do without."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Raise where torch is asked for."""
        if fullname == "torch":
            raise ImportError("a command that reads a folder asked for torch")


def main(
    count: Annotated[int, typer.Option(min=10, help="Damaged copies.")] = COUNT,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = SEED,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Damage run folders in every way, and read them with every command."""
    sys.meta_path.insert(0, WithoutTorch())
    console, found = Console(stderr=True, soft_wrap=True), list[Tried]()
    for one in play(QUICK_COUNT if quick else count, seed):
        found.append(one)
        if words := _failures(one) or (UNSEEN if one.unseen else []):
            what = f"{one.sample}, {one.damage.kind}, {one.damage.what}: {words[0]}"
            console.print(what, markup=False)
        if len(found) % TELL_EVERY == 0:
            console.print(f"{len(found)} copies")
    paths = [write("mutations", list(rows(found)), {}, output)]
    tell(list(targets(found)), paths, console)


def play(count: int, seed: int = SEED, names: Container[str] | None = None) -> Iterator[Tried]:
    """Yield what came of so many damaged copies; `names` are the commands to call."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as place, scripts_made_once(), _own_cache(Path(place)):
        samples = list(build(Path(place)))
        parts = sum(sample.share for sample in samples)
        for sample in samples:
            for one in drawn(sample, rng, count * sample.share // parts):
                chosen = names or asked_of(rng)
                yield attempt(sample, one, Path(place), chosen)


def asked_of(rng: random.Random) -> Container[str]:
    """Return the commands to call on a copy: pages take longest, and are made for some only."""
    pages = rng.random() < PAGES
    return [*CHEAP, *(COSTLY if pages else ())]


def drawn(sample: Sample, rng: random.Random, count: int) -> Iterator[Damage]:
    """Yield at least so many ways to damage a folder, in shares."""
    ways = {way: share for way, share in WAYS.items() if sample.runs or way in OF_ANY_FILE}
    for way, share in ways.items():
        own = math.ceil(count * share / sum(ways.values()))
        yield from way(sample.files, sample.folder, rng, own)


def attempt(sample: Sample, one: Damage, place: Path, names: Container[str] | None = None) -> Tried:
    """Damage a copy, and call commands on it."""
    copy, out = place / "copies" / sample.folder.name, place / "out"
    shutil.rmtree(copy.parent, ignore_errors=True)
    shutil.copytree(sample.folder, copy)
    one.apply(copy)
    asked = {n: c for n, c in sample.commands().items() if names is None or n in names}
    came = [tried(name, command, copy, out) for name, command in asked.items()]
    return Tried(sample.name, one, came, one.structural and _unseen(sample, copy))


def _unseen(sample: Sample, copy: Path) -> bool:
    """Say whether a run reads without a word, and says other things than before."""
    for inner in sample.runs:
        try:
            found = read(copy / inner)
        except UserError:
            return False
        before = read(sample.folder / inner)
        if not found.notices and _said(found) != _said(before):
            return True
    return False


def _said(run: Run) -> Any:
    return [run.manifest, fold(replace(run, folder=Path()))]


@contextmanager
def _own_cache(place: Path) -> Iterator[None]:
    """Keep what commands look up of this machine out of what it knows."""
    before = dict(os.environ)
    os.environ["TOUCHSTONE_CACHE"] = str(place / "cache")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _failures(one: Tried) -> list[str]:
    return [f"{came.command}: {came.told}" for came in one.came if came.outcome == FAILED]


def rows(found: list[Tried]) -> Iterator[Row]:
    """Yield a row a folder, kind of damage and command: how often it read, refused and failed."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    unseen: Counter[tuple[str, str]] = Counter()
    for one in found:
        unseen[one.sample, one.damage.kind] += one.unseen
        for came in one.came:
            counts[one.sample, one.damage.kind, came.command, came.outcome] += 1
    for sample, kind, command in dict.fromkeys(key[:3] for key in sorted(counts)):
        of = {word: counts[sample, kind, command, word] for word in (READ, REFUSED, FAILED)}
        yield {
            "folder": sample,
            "damage": kind,
            "command": command,
            "copies": sum(of.values()),
            **of,
            "changed_unseen": unseen[sample, kind],
        }


def targets(found: list[Tried]) -> Iterator[Target]:
    """Yield what was asked: nothing but answers and refusals, and no change unseen."""
    calls = [came for one in found for came in one.came]
    refused = sum(came.outcome == REFUSED for came in calls)
    failed = sum(came.outcome == FAILED for came in calls)
    unseen = sum(one.unseen for one in found)
    structural = sum(one.damage.structural for one in found)
    yield Target("damaged copies", f"{len(found)}, {len(calls)} calls, {refused} refused", None)
    yield Target("calls that ended otherwise", str(failed), failed == 0)
    yield Target(f"changes unseen, of {structural} of structure", str(unseen), unseen == 0)


if __name__ == "__main__":
    typer.run(main)
