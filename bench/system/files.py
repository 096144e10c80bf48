"""Files of a run: written whole or not at all, and read only where they are ordinary files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bench.errors import CANNOT_WRITE, UserError

MOST_BYTES = 1 << 30  # of one file: an attempt has kilobytes

# A folder may come from elsewhere: what is written into it follows no link out of it.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes | None:
    """Return an ordinary file's bytes, None where there is none; UserError for anything else.

    A pipe would be waited for, and a device never ends.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = KINDS.get(stat.S_IFMT(found.st_mode), "something else")
            raise UserError(f"cannot read {path}: expected an ordinary file, got {kind}")
        if found.st_size > most_bytes:
            raise UserError(
                f"cannot read {path}: expected at most {most_bytes} bytes, got {found.st_size}"
            )
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read(most_bytes)
    except FileNotFoundError:
        _expect_no_link(path)
        return None
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error


def _expect_no_link(path: Path) -> None:
    """Refuse a link to nothing: what it led to is lost, which is not the same as never written."""
    if path.is_symlink():
        raise UserError(f"cannot read {path}: it links to {os.readlink(path)}, which is not there")


def is_folder(path: Path) -> bool:
    """Say whether a path is a folder; UserError where that cannot be told."""
    try:
        return path.is_dir()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, _NEW, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def append_line(path: Path, line: bytes) -> None:
    """Append a line, and have it on the disk before anything else happens."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> UserError:
    """Say in one line what could not be written, and why."""
    return UserError(f"cannot write {path}: {error.strerror or error}", CANNOT_WRITE)
