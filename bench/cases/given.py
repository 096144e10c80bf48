"""Paths as the user gives them."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UserError


def given_path(text: str | Path) -> Path:
    """Return the path with the home in place of `~`; UserError where nobody has that home."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"{text}: expected a path, got one in a home that nobody has") from error
