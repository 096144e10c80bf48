"""What comes before the first step that is profiled: set-up, inputs, the first call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch.profiler import record_function

from bench.profiling.recording.traces import Events, events_of, fitting, recorded

SET_UP = "set-up"
MOST_EVENTS = 4_000  # of it in a trace: importing and compiling run many


class Opening:
    """Opened before set-up, its range ended when that is over, closed after the first call."""

    def __init__(self, device: str):
        self._stack = ExitStack()
        self._profiler = self._stack.enter_context(recorded(device))
        self._set_up: record_function | None = record_function(SET_UP)
        self._set_up.__enter__()

    @contextmanager
    def first(self, name: str) -> Iterator[None]:
        """Name what comes after set-up."""
        self._end_set_up()
        with record_function(name):
            yield

    def close(self) -> Events:
        """Stop, and return what was seen: all ranges, and the longest of what ran in them."""
        self._end_set_up()
        self._stack.close()
        events, _, _ = fitting(events_of(self._profiler), MOST_EVENTS)
        return events

    def _end_set_up(self) -> None:
        if self._set_up is not None:
            self._set_up.__exit__(None, None, None)
            self._set_up = None
