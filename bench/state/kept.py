"""Kept: did the state that a case asked for hold, from the import of its file to its last call?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from typing import Any

from bench.cases.flags import OTHER_SETTING
from bench.cases.variant import SWITCHES
from bench.state.of_process import process_switches
from bench.state.of_torch import torch_switches
from bench.state.switch import Switch, text
from bench.system.families import shown

State = dict[str, Any]

_VARIABLES = ("environment", "variables")

_clean: State = {}  # as a server found it, before it imported anything that is asked for


def remember() -> None:
    """Keep the state of this process as what its forks should begin with."""
    _clean.update(_read([s for s in _switches() if s.kind != "told"]))  # a server has no collector


def plain_state() -> dict[str, str]:
    """Return this process's switches in words, by name; variables are told elsewhere."""
    read = {s.name: text(s.read()) for s in _switches() if s.name not in _VARIABLES}
    return {name: value for name, value in read.items() if name not in ("threads", "gc")}


class Kept:
    """Follows a worker's state. What an import changed is put back, and told: a file's first lines
    must not hurt all variants in it. What a variant's set-up or a call changed stays, since what
    was built may depend on it, and bars the times from rankings, unless the variant declares it.
    """

    def __init__(self) -> None:
        self.flags: list[str] = []  # at most one
        self.details: list[str] = []
        self.labels: dict[str, str] = {}
        self._switches = _switches()
        self._asked = self._now = _read(self._switches)  # what the case sets comes next

    def begun(self, own: Collection[str] = ()) -> None:
        """Hold what the server's imports left to the clean state; the case set its `own`."""
        self._asked = _read(self._switches)
        same = {name: self._asked[name] for name in ("environment", *own)}
        self._asked = {**self._asked, **_clean, **same}
        self._put_back("before its file was imported")

    def settled(self, decide: Callable[[], None]) -> None:
        """Have torch decide what it else decides at a first call: its own choice accuses nobody."""
        decide()
        self._asked = _read(self._switches)

    def imported(self) -> None:
        """Put back what the file's import changed; flag what cannot be."""
        self._put_back("when its file was imported")

    def built(self, declared: Collection[str] = ()) -> None:
        """Flag what the variant's set-up changed and does not declare; label what it does."""
        changed = self._changes()
        own = [s for s in changed if s.kind in declared]
        if own:
            self.labels["switches"] = "; ".join(map(self._is, own))
        self._accuse([s for s in changed if s not in own], "while the variant was set up")
        self._asked = self._now  # said once; what calls change is told apart

    def called(self) -> None:
        """Flag what calls changed and left."""
        self._accuse(self._changes(), "while it was called")

    def explain(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Add what was found to a reply."""
        reply["labels"] = {**reply.get("labels", {}), **self.labels}
        reply["flags"] = [*reply.get("flags", []), *self.flags]
        reply["detail"] = "; ".join(filter(None, [reply.get("detail", ""), *self.details]))
        return reply

    def _put_back(self, when: str) -> None:
        changed = self._changes()
        if not changed:
            return
        self._tell("put_back", f"{'; '.join(map(self._is, changed))}: set {when}")
        for switch in changed:
            _set(switch, self._asked[switch.name])
        self._accuse(self._changes(), f"{when}, and cannot be put back")

    def _changes(self) -> list[Switch]:
        """Read the state; return the switches that are not as asked, what a case says first."""
        self._now = _read(self._switches)
        changed = [s for s in self._switches if self._now[s.name] != self._asked[s.name]]
        return sorted(changed, key=lambda switch: switch.kind != "asked")

    def _accuse(self, changed: list[Switch], when: str) -> None:
        """Flag changes that move a label's meaning, and say what was there instead."""
        harmless = [s for s in changed if s.kind == "told"]
        if harmless:
            self._tell("changed", f"{'; '.join(map(self._is, harmless))}: set {when}")
        bad = [s for s in changed if s.kind != "told"]
        if bad:
            self.flags = [OTHER_SETTING]
            self.details.append(f"{'; '.join(map(self._is, bad))}: set {when}{_hint(bad, when)}")

    def _is(self, switch: Switch) -> str:
        got, asked = _apart(self._now[switch.name], self._asked[switch.name])
        return f"{switch.name}={got} where {asked} was asked"

    def _tell(self, label: str, words: str) -> None:
        known = self.labels.get(label)
        self.labels[label] = f"{known}; {words}" if known else words


def _apart(got: Any, asked: Any) -> tuple[str, str]:
    """Return two values in words; of two environments only what differs."""
    if isinstance(got, frozenset) and isinstance(asked, frozenset) and _is_environment(got | asked):
        return _variables(got - asked), _variables(asked - got)
    return text(got), text(asked)


def _is_environment(values: frozenset[Any]) -> bool:
    return any(isinstance(value, tuple) for value in values)


def _variables(found: frozenset[tuple[str, str]]) -> str:
    return ",".join(f"{name}={shown(value)}" for name, value in sorted(found)) or "unset"


def _hint(bad: list[Switch], when: str) -> str:
    """Say how a variant that is made of such a switch says so."""
    kinds = sorted({s.kind for s in bad})
    if "set up" not in when or not set(kinds) <= set(SWITCHES):
        return ""
    wanted = ", ".join(f'"{kind}"' for kind in kinds)
    return f"; where that is what it is made of, it is @variant(sets=[{wanted}])"


def _switches() -> list[Switch]:
    return [*torch_switches(), *process_switches()]


def _read(switches: list[Switch]) -> State:
    return {switch.name: switch.read() for switch in switches}


def _set(switch: Switch, value: Any) -> None:
    """Try; what it is afterwards is read, not presumed."""
    if switch.put_back is not None and value != "mixed":
        with contextlib.suppress(RuntimeError, ValueError, OSError, TypeError):
            switch.put_back(value)
