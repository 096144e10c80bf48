"""What is known of a machine's noise, as plain values: how far processes and sessions differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

import msgspec

from bench.cases.bounds import Count, Name, Seconds, Spreading, Written
from bench.cases.kind import KINDS
from bench.store.spread import Spread

Clock = Literal["time", "thread_time"]
CLOCKS: tuple[Clock, ...] = ("time", "thread_time")
Judged = Annotated[str, Written(100, pattern=r"^(thread_)?time(:[a-z_]+)?$")]

DAY_S = 86400.0  # recordings of different days differ no more for being weeks apart


@dataclass(frozen=True)
class Components:
    """Where noise within a round arises: standard deviations of log time.

    `fork` is of the processes of one server, however long each is timed; `call` of what a process
    comes to in one second of samples. It falls with the root of the seconds.
    """

    fork: Spreading
    call: Spreading


@dataclass(frozen=True)
class KindNoise:
    """What is known of one kind of case: the figure that is judged, and spreads by figure.

    A figure is a clock, or a clock with a reducer (`time:low_quartile`). `pairs` are spreads of one
    side within its pairs, `sessions` those of one recording's mean. `components` are of the judged.
    """

    judged: Judged
    pairs: dict[Name, Spread] = field(default_factory=dict)
    sessions: dict[Name, Spread] = field(default_factory=dict)
    components: Components | None = None


@dataclass(frozen=True)
class Noise:
    """What a machine's selftests say, as it stood when it was asked for.

    `reach_s` is how far apart two recordings may lie for the spread between sessions to say
    anything of them: as far as the sessions of one selftest did, and as far as all of them did once
    there are enough selftests.
    """

    num_sessions: Count = 0
    num_selftests: Count = 0
    reach_s: Seconds = 0.0
    kinds: dict[Name, KindNoise] = field(default_factory=dict)

    def session_spread(self, kind: str, judged: str = "") -> Spread | None:
        """Return the spread between sessions of log time, by default of the judged figure.

        None where it is unknown: a kind that was never measured, or in too few sessions.
        An upper estimate for recordings as near to each other as the sessions were: what the
        rounds within a session explain of it is not taken off. With fewer than 3 selftests all is
        from minutes apart, and other days may differ by more.
        """
        found = self.kinds.get(kind)
        return found.sessions.get(judged or found.judged) if found else None

    def pair_spread(self, kind: str) -> Spread | None:
        """Return the spread of one side within its pairs, of log time on the judged clock."""
        found = self.kinds.get(kind)
        return found.pairs.get(found.judged) if found else None

    def covers(self, gap_s: float) -> bool:
        """Say whether recordings so many seconds apart are as near as what was learned from."""
        return min(gap_s, DAY_S) <= self.reach_s

    def judged(self, kind: str) -> str:
        """Return the figure that is judged for this kind; the wall's where nothing is known."""
        found = self.kinds.get(kind)
        return found.judged if found else "time"

    @property
    def components(self) -> dict[str, Components]:
        """Return where noise arises, by kind, as far as selftests have told it apart."""
        return {name: k.components for name, k in self.kinds.items() if k.components}

    @property
    def judged_kinds(self) -> dict[str, str]:
        """Return the quantity that is judged for every kind there is."""
        return {kind: self.judged(kind) for kind in KINDS}

    def plain(self) -> dict[str, Any]:
        """Return it as it is stored with a run."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Noise | None:
        """Return what a run stored of it; None where nothing was known."""
        return msgspec.convert(plain, cls) if plain else None
