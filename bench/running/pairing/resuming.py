"""A comparison that was interrupted: read again, with its sides as they were, and its pairs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.errors import UserError
from bench.running.pairing.contenders import LETTERS, WORKING_TREE, copied_alike
from bench.running.pairing.copies import instrument_digest
from bench.running.pairing.folder import Comparison
from bench.running.pairing.pairs import Pair, paired
from bench.sides.checkout import git_state, shown
from bench.sides.foreign import code_outside
from bench.sides.side import Side
from bench.store import Run, read
from bench.store.paired import STAGES, Contestant, Pairing, read_pairing
from bench.store.trust import sides_written_here, written_here
from bench.system import git


def resumable(folder: Path) -> Comparison:
    """Read the folder to finish; UserError where it is finished, or cannot be."""
    for path in (folder / "ab.json", *(folder / letter for letter in LETTERS)):
        if path.is_symlink():
            raise UserError(f"{path}: expected the comparison's own to write to, got a link")
    pairing = read_pairing(folder)
    if pairing.ended_by == "finished":
        raise UserError(f"{folder} is finished; `bench compare` judges it again")
    if not pairing.instrument or pairing.stage not in STAGES:
        raise _cannot(folder, "it does not say where its sides are from; start a new comparison")
    runs = read(folder / LETTERS[0]), read(folder / LETTERS[1])
    names = {run.manifest.pairing for run in runs}
    if len(names) > 1 or not all(names):
        raise _cannot(folder, "expected A and B of one comparison, got runs of several")
    for run in runs:
        _expect_common(run, min(len(run.manifest.sessions) for run in runs))
    return Comparison(folder, pairing, runs)


def _expect_common(run: Run, sessions: int) -> None:
    """Drop a last session that the other side never began: nothing can have been measured in it."""
    if any(attempt.session >= sessions for attempt in run.attempts):
        raise _cannot(run.folder, "it has attempts of a session that the other side has not")
    run.manifest = replace(run.manifest, sessions=run.manifest.sessions[:sessions])


def pairs_of(found: Comparison) -> list[Pair]:
    """Return the pairs as they were when the comparison was planned."""
    a, b = (run.manifest.cases for run in found.runs)
    return paired(found.pairing.matched_by, a, b)


def foreign_code(found: Comparison) -> list[str]:
    """Return what a resume would run that neither this machine wrote down nor the checkout has."""
    pairing, cases = found.pairing, [case for run in found.runs for case in run.manifest.cases]
    if sides_written_here(pairing) and all(written_here(run.manifest) for run in found.runs):
        return []
    sources = (pairing.repository, pairing.a.interpreter, pairing.b.interpreter)
    places = {shown(place) for place in sources if place and place != "."}
    return sorted({*places, *code_outside(cases)})


@contextmanager
def sides_again(found: Comparison) -> Iterator[tuple[Side, Side]]:
    """Yield both sides as they were; UserError where one, or the instrument, is not there again."""
    pairing = found.pairing
    if instrument_digest() != pairing.instrument:
        raise _cannot(found.folder, "the instrument in `bench/` has changed; start a new one")
    if pairing.sort == "revision":
        top = Path(shown(pairing.repository))
        words = (_expect_commit(found, top, pairing.a), _expect_commit(found, top, pairing.b))
        with copied_alike(top, words) as both:
            yield both
    else:
        _expect_checkout(found)
        yield _installed("A", pairing.a), _installed("B", pairing.b)


def in_words(found: Comparison, pairs: list[Pair]) -> str:
    """Say in a line what goes on, and from where."""
    pairing: Pairing = found.pairing
    attempts = sum(len(run.attempts) for run in found.runs)
    return (
        f"A ({pairing.a.words}) against B ({pairing.b.words}): {len(pairs)} pairs, on "
        f"{pairing.device}; {attempts} attempts are there, up to the stage '{pairing.stage}'"
    )


def _expect_commit(found: Comparison, top: Path, side: Contestant) -> str:
    """Return what to copy: the commit of then, or the working tree on top of that commit."""
    was = str(side.git.get("commit") or "")
    tree = side.words == WORKING_TREE
    now = git.commit_of(top, "HEAD" if tree else was) or ""
    if now != was:
        gone = f"the working tree was at {was}, is now at {now}" if tree else f"{was} is gone"
        raise _cannot(found.folder, f"{gone}; start a new comparison")
    return WORKING_TREE if tree else was


def _expect_checkout(found: Comparison) -> None:
    """Refuse other suites than those of then, which interpreters and variants are measured by."""
    was, now = found.pairing.a.git.get("commit"), git_state().get("commit")
    if was != now:
        raise _cannot(found.folder, f"commit was {was}, is now {now}; start a new comparison")


def _installed(letter: str, told: Contestant) -> Side:
    if not told.interpreter:
        return Side(name=letter)
    side = Side(shown(told.interpreter), name=letter)
    side.libraries()  # refuses what cannot run the instrument
    return side


def _cannot(folder: Path, why: str) -> UserError:
    return UserError(f"cannot resume {folder}: {why}")
