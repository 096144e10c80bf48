"""Which environment variables matter: those of a family, and those that a loaded library names."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from bench.system.families import belongs

# Of a login, a shell, a place or a language: libraries read some, kernels depend on none.
_OF_A_SESSION = re.compile(
    r"(HOME|PATH|PWD|OLDPWD|SHLVL|_|TERM\w*|COLORTERM|USER|LOGNAME|USERNAME|SHELL|HOST|HOSTNAME|"
    r"MAIL|"
    r"LANG|LANGUAGE|LC_\w+|TZ|TZDIR|TMPDIR|TMP|TEMP|XDG_\w+|SSH_\w+|DISPLAY|COLUMNS|LINES|EDITOR|"
    r"VISUAL|PAGER|NO_COLOR|CI|DEBUG|\w*_?PROXY|\w*_proxy|SSL_\w+|VIRTUAL_ENV\w*|CONDA_\w+)"
)
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|AUTH", re.I)
_LARGEST_BYTES = 64 << 20  # a section beyond it holds kernels, not names
_ELF64 = b"\x7fELF\x02\x01"


def read_by_any(names: Iterable[str], libraries: Iterable[Path]) -> list[str]:
    """Return those of `names` that may change what workers do, in alphabetical order.

    A library's name for a variable stands whole among its constants, unless it is put together
    from parts: families cover those.
    """
    asked = {n for n in names if not _SECRET.search(n) and not _OF_A_SESSION.fullmatch(n)}
    found = {name for name in asked if belongs(name)}
    open_ = {name: b"\0" + name.encode() + b"\0" for name in asked - found}
    for constants in _constants(libraries if open_ else ()):
        seen = {name for name, word in open_.items() if word in constants}
        found |= seen
        open_ = {name: word for name, word in open_.items() if name not in seen}
    return sorted(found)


def _constants(libraries: Iterable[Path]) -> Iterator[bytes]:
    """Yield the read-only data of each library."""
    for path in libraries:
        with contextlib.suppress(OSError, struct.error, ValueError):
            yield from _read_only(path)


def _read_only(path: Path) -> list[bytes]:
    """Read the sections `.rodata…` of a 64-bit little-endian ELF file; see elf(5)."""
    with path.open("rb") as file:
        header = file.read(64)
        if not header.startswith(_ELF64):
            return []
        (start,) = struct.unpack_from("<Q", header, 40)
        size, count, of_names = struct.unpack_from("<HHH", header, 58)
        file.seek(start)
        table = file.read(size * count)
        sections = [struct.unpack_from("<IIQQQQ", table, i * size) for i in range(count)]
        names = _bytes_of(file, sections[of_names])
        wanted = [
            s for s in sections if _name_at(names, s[0]).startswith((b".rodata", b".lrodata"))
        ]
        return [b"\0" + _bytes_of(file, s) for s in wanted if s[5] <= _LARGEST_BYTES]


def _bytes_of(file: BinaryIO, section: tuple[int, ...]) -> bytes:
    file.seek(section[4])
    return file.read(section[5])


def _name_at(names: bytes, offset: int) -> bytes:
    return names[offset : names.index(b"\0", offset)]
