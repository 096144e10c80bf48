"""The two contenders of a comparison: what the user's words mean, and the side they run on."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.cases.given import given_path
from bench.errors import UserError
from bench.running.pairing.copies import (
    bring_instrument,
    copy_revision,
    copy_working_tree,
    lay_alike,
    root_in,
)
from bench.sides.checkout import git_state
from bench.sides.side import Copy, Side
from bench.system import git
from bench.system.own import ROOT
from bench.system.scratch import scratch

Sort = Literal["revision", "interpreter", "variant"]

WORKING_TREE = "."
LETTERS = ("A", "B")
_VARIANT = re.compile(r"([\w.]+)/(\w+)(?:\[(.*)\])?")


@dataclass(frozen=True)
class Contender:
    """One side, and what is asked of it alone: its own selectors, overrides and variant."""

    words: str
    sort: Sort
    side: Side
    selectors: list[str]
    sets: list[str] = field(default_factory=list)
    variant: tuple[str, str] | None = None
    git: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the letter and the user's words."""
        return f"{self.side.name} ({self.words})"


@contextmanager
def contenders(a: str, b: str, selectors: list[str]) -> Iterator[tuple[Contender, Contender]]:
    """Yield both contenders; copies of revisions last as long as the context.

    UserError where a side is of no known sort, or the two are of different ones.
    """
    sorts = [sort_of(words) for words in (a, b)]
    if sorts[0] != sorts[1]:
        raise UserError(
            f"expected two sides of one sort, got {_article(sorts[0])} ('{a}') "
            f"and {_article(sorts[1])} ('{b}')"
        )
    if sorts[0] == "revision":
        with _revisions(a, b, selectors) as both:
            yield both
    elif sorts[0] == "interpreter":
        yield _interpreter("A", a, selectors), _interpreter("B", b, selectors)
    else:
        yield _variant("A", a, selectors), _variant("B", b, selectors)


def _article(sort: Sort) -> str:
    return f"an {sort}" if sort == "interpreter" else f"a {sort}"


def sort_of(words: str) -> Sort:
    """Tell an executable file, a revision of the repository here, and suite/variant apart."""
    path = given_path(words)
    if os.path.isfile(path) and os.access(path, os.X_OK):  # no name is too long to ask
        return "interpreter"
    top = git.repository(Path.cwd())
    if words == WORKING_TREE or (top and git.commit_of(top, words)):
        return "revision"
    if _VARIANT.fullmatch(words):
        return "variant"
    raise UserError(
        f"'{words}': expected a git revision of the repository here, a Python executable, "
        "or suite/variant; it is none"
    )


@contextmanager
def _revisions(a: str, b: str, selectors: list[str]) -> Iterator[tuple[Contender, Contender]]:
    top = git.repository(Path.cwd())
    if top is None:
        raise UserError("expected a git repository around the current folder, found none")
    _expect_something_of(top, selectors)
    with copied_alike(top, (a, b)) as (of_a, of_b):
        yield _revision(of_a, a, selectors), _revision(of_b, b, selectors)


@contextmanager
def copied_alike(top: Path, both: tuple[str, str]) -> Iterator[tuple[Side, Side]]:
    """Copy both revisions by one means; paths of both sides have the same length."""
    with scratch("sides") as folder:
        copies = _copies(top, both, folder)
        a, b = (Side(root=root_in(copies[x]), name=x, copy=copies[x]) for x in LETTERS)
        yield a, b


def _copies(top: Path, both: tuple[str, str], folder: Path) -> dict[str, Copy]:
    sources = [folder / f"from-{letter}" for letter in LETTERS]
    for words, source in zip(both, sources, strict=True):
        if words == WORKING_TREE:
            copy_working_tree(top, source)
        else:
            copy_revision(top, _commit(top, words), source)
    copies = {letter: Copy(top, folder / letter) for letter in LETTERS}
    lay_alike(sources, [copy.folder for copy in copies.values()])
    for copy in random.sample(list(copies.values()), len(copies)):
        bring_instrument(copy)
    return copies


def _commit(top: Path, words: str) -> str:
    commit = git.commit_of(top, words)
    if not commit:  # it was one a moment ago
        raise UserError(f"'{words}': expected a git revision of {top}, git knows none")
    return commit


def _expect_something_of(top: Path, selectors: list[str]) -> None:
    """Refuse a comparison of revisions of a repository that nothing measured comes from."""
    files = [_absolute(selector) for selector in selectors if selector.endswith(".py")]
    if not ROOT.is_relative_to(top) and not any(path.is_relative_to(top) for path in files):
        raise UserError(
            f"nothing selected comes from the repository here, {top}; "
            "name files in it, as in `bench ab main . mine.py`"
        )


def _revision(side: Side, words: str, selectors: list[str]) -> Contender:
    assert side.copy is not None, "a revision is a copy"
    top = side.copy.repository
    commit = git.commit_of(top, "HEAD" if words == WORKING_TREE else words)
    dirty = words == WORKING_TREE and git.is_dirty(top)
    state = {"commit": commit or "", "branch": words, "dirty": dirty}
    return Contender(words, "revision", side, [_place(side, s) for s in selectors], git=state)


def _place(side: Side, selector: str) -> str:
    return side.place(str(_absolute(selector))) if selector.endswith(".py") else selector


def _absolute(selector: str) -> Path:
    return given_path(selector).resolve()


def _interpreter(letter: str, words: str, selectors: list[str]) -> Contender:
    # never resolved: a link in an environment is what makes it that environment
    side = Side(str(given_path(words).absolute()), name=letter)
    side.libraries()  # refuses what cannot run the instrument
    return Contender(words, "interpreter", side, selectors, git=git_state())


def _options(words: str, text: str) -> list[str]:
    """Return what stands in brackets as overrides; every option once, with one value."""
    given = [option.strip() for option in text.split(",")]
    names = [option.partition("=")[0].strip() for option in given]
    for option, name in zip(given, names, strict=True):
        if not re.fullmatch(r"\w+\s*=\s*[^=\s]+", option) or names.count(name) > 1:
            raise UserError(
                f"'{words}': expected suite/variant[option=value,…], every option once; "
                f"got '{option}'"
            )
    return given


def _variant(letter: str, words: str, selectors: list[str]) -> Contender:
    """Ask a suite for one variant with its options; a variant of the user's own is in a file."""
    match = _VARIANT.fullmatch(words)
    assert match
    suite, name, options = match.groups()
    return Contender(
        words,
        "variant",
        Side(name=letter),
        [f"{suite}/{name}", *selectors],
        [] if options is None else _options(words, options),
        (suite.rpartition(".")[2], name),
        git_state(),
    )
