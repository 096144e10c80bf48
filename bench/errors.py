"""What a user reads when something they gave cannot be used."""

from collections.abc import Iterable
from difflib import get_close_matches

REGRESSION = 1  # of commands that judge, and nothing else: a fault of the tool is none
BAD_INPUT = 2
NOTHING_MEASURED = 3
CANNOT_WRITE = 4
TRIAL_FAILED = 5  # of `gpucheck`: something on this GPU is not as it is expected
NOT_EXCLUDED = 6  # nothing got worse for sure; a slowdown beyond what was allowed is not excluded
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130


class UserError(Exception):
    """One clear line for the user, and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int = BAD_INPUT):
        super().__init__(message)
        self.exit_code = exit_code


class InternalError(Exception):
    """A fault of the instrument itself in a process of its own; `said` is that one's traceback."""

    def __init__(self, message: str, said: str = ""):
        super().__init__(message)
        self.said = said


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """Name the unknown thing, and the valid names nearest to it."""
    names = sorted(set(valid))
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    valid_names = f"valid: {', '.join(names) or 'none'}"
    hint = f"did you mean {' or '.join(close)}?" if close else valid_names
    return UserError(f"unknown {kind} '{name}'; {hint}")


def in_one_line(text: str, most: int = 300) -> str:
    """Join the lines of another's message, and leave out what is beyond `most` characters."""
    found = " ".join(line.strip() for line in text.splitlines() if line.strip())
    return found if len(found) <= most else f"{found[:most]}…"
