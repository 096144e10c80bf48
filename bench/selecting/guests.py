"""User files are guests: each has a name and a command line of its own, and no way to end the tool.

A file's neighbours can be imported by it, last: none stands in for a library. Where several files
are loaded in one process, each finds its own neighbours and not those of another folder.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, TypeVar

from bench.errors import in_one_line
from bench.system.own import put_last

PREFIX = "user_file_"  # so that mine.py named like a library does not replace it
_MOST_HEARD = 1 << 12
_PYTHONS = ("<frozen ", f"{os.path.dirname(os.__file__)}{os.sep}")

T = TypeVar("T")

_home: list[str] = []  # the folder of the present file, where it is on the path for it alone
_beside: set[str] = set()  # names of the modules that came from there


class EndedAtImport(ImportError):
    """A module tried to end the process that imports it; says where, and with which words."""


def load_file(path: Path) -> ModuleType:
    """Import a user's file by its absolute path, once a process."""
    name = module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    run = spec.loader.exec_module
    try:
        with _neighbours_in(str(path.parent)), _command_line(str(path)):
            heard(str(path), lambda: run(module))
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def module_name(path: Path) -> str:
    """Return a name that no library has, and no other file."""
    stem = re.sub(r"\W", "_", path.stem)
    return f"{PREFIX}{stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def heard(what: str, run: Callable[[], T]) -> T:
    """Import `what`; where it ends the process, `EndedAtImport` quotes what it said."""
    with _listening() as said:
        try:
            return run()
        except Exception:
            raise
        except BaseException as error:  # SystemExit, and whatever else is no Exception
            file, line = where(error, what)
            raise EndedAtImport(f"{file}, line {line}: {_last_words(error, said)}") from error


def where(error: BaseException, what: str) -> tuple[str, int | None]:
    """Return the last place that an error passed in the file `what`, else outside of Python's own.

    Who ends a process does so in `argparse`, mostly, which is not where to look.
    """
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename == what]
    outside = [frame for frame in frames if not frame.filename.startswith(_PYTHONS)]
    last = (inside or outside or frames)[-1]
    return last.filename, last.lineno


@contextmanager
def _command_line(program: str) -> Iterator[None]:
    """Let a file read a command line without arguments; the worker's own is not for it."""
    before, sys.argv = sys.argv, [program]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _neighbours_in(folder: str) -> Iterator[None]:
    """Have modules found in this folder, after all others, from now on."""
    if _home != [folder]:
        _move_to(folder)
    known = set(sys.modules)
    try:
        yield
    finally:
        _beside.update(name for name in set(sys.modules) - known if _came_from_home(name))


def _move_to(folder: str) -> None:
    """Forget what the folder before has given: this one may have modules of the same names."""
    for name in _beside:
        sys.modules.pop(name, None)
    _beside.clear()
    sys.path[:] = [entry for entry in sys.path if entry not in _home]
    _home.clear()
    if folder not in sys.path:
        put_last(folder)
        _home.append(folder)


def _came_from_home(name: str) -> bool:
    origin = getattr(sys.modules[name], "__file__", None)
    if not isinstance(origin, str) or name.startswith(PREFIX):
        return False
    return any(Path(origin).is_relative_to(folder) for folder in _home)


def _last_words(error: BaseException, said: list[str]) -> str:
    if not isinstance(error, SystemExit):
        return f"{type(error).__name__}: {in_one_line(str(error))}"
    words = error.code if isinstance(error.code, str) else _last_line("".join(said))
    left = f"sys.exit({error.code!r}) at import" if not isinstance(error.code, str) else "sys.exit"
    return f"{left}, saying '{in_one_line(words)}'" if words else f"{left}, saying nothing"


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "")


class _Overheard:
    """A stream whose last words are remembered; all else is the stream's own."""

    def __init__(self, stream: TextIO, said: list[str]):
        self._stream, self._said = stream, said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._said[:] = ["".join([*self._said, text])[-_MOST_HEARD:]]
        return self._stream.write(text)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Yield what is said on both streams from now on; a stream that a guest puts there stays."""
    said: list[str] = []
    before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    heard = {name: _Overheard(stream, said) for name, stream in before.items() if stream}
    for name, stream in heard.items():
        setattr(sys, name, stream)
    try:
        yield said
    finally:
        for name, stream in heard.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, before[name])
