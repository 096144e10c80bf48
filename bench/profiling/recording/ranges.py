"""Named ranges in a trace: of a step's phases and of its parts. NVTX shows the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch.profiler import record_function


class PhaseRanges:
    """A mark for `Phases`: each call ends the range of one phase and begins that of the next.

    A step names a phase only as it ends, so `names` are those of an earlier step.
    """

    def __init__(self, names: list[str]):
        self.names = names
        self._position = 0
        self._open: Any = None

    def begin(self) -> None:
        """Expect the first phase of a new step."""
        self.end()
        self._position = 0

    def __call__(self) -> None:
        self.end()
        if self._position < len(self.names):
            self._open = record_function(self.names[self._position])
            self._open.__enter__()
        self._position += 1

    def end(self) -> None:
        """End the range that is open, if one is."""
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None


def name_parts(parts: Mapping[str, tuple[Any, str]]) -> None:
    """Put a range around every part: a callable, by the object that holds it and its name there."""
    for name, (owner, attribute) in parts.items():
        setattr(owner, attribute, _ranged(name, getattr(owner, attribute)))


def _ranged(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    def ranged(*given: Any, **named: Any) -> Any:
        with record_function(name):
            return work(*given, **named)

    return ranged
