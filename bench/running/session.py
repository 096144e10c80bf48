"""A session: one start of a run, new or resumed, in an environment that must stay the same."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bench.errors import UserError
from bench.judging.noise import known
from bench.judging.surroundings import elsewhere
from bench.machine import facts as machine
from bench.machine.ceilings import Ceilings
from bench.machine.ceilings.ask import ask, needed
from bench.machine.probes.sampler import Sampler
from bench.running.attempts import keep_log
from bench.running.durations import learn
from bench.running.schedule import Schedule
from bench.running.work import Progress
from bench.sides.checkout import at_work, git_state, publishable
from bench.sides.server import Server
from bench.sides.side import Side
from bench.store import Run, Session
from bench.store.known_noise import Noise
from bench.system import process
from bench.system.scratch import scratch, temporary
from bench.system.terminal import relay


class Executes(Protocol):
    """What is done in a session; see `Schedule`."""

    def execute(self) -> str: ...


MakeSchedule = Callable[[Run, Side, Progress, Sampler, Server], Executes]


def measure(
    found: Run,
    side: Side,
    progress: Progress,
    server: Server | None = None,
    schedule: MakeSchedule = Schedule,
) -> None:
    """Do what the run lacks as a new session, and record how it ended.

    A server of the side that runs already says what it is, and prepares cases.
    """
    if server is None:
        with served(side) as (side, server):
            return measure(found, side, progress, server, schedule)
    begin(found, side, progress, server)
    process.adopt_orphans()
    ended_by = "interrupted"
    try:
        provision(found, side, progress)
        assert side.cache is not None
        with Sampler(found.manifest.cases, side.cache) as sampler:
            ended_by = schedule(found, side, progress, sampler, server).execute()
    finally:
        found.end_session(now(), ended_by)
        learn_from(found)


def learn_from(found: Run) -> None:
    """Keep what this session's attempts took: the next estimate here stands on it."""
    last = len(found.manifest.sessions) - 1
    own = [attempt for attempt in found.attempts if attempt.session == last]
    machine_id = str(found.last_session.environment.get("machine_id", ""))
    manifest = found.manifest
    learn(machine_id, manifest.cases, own, manifest.share_s, found.last_session.allocated)


def begin(found: Run, side: Side, progress: Progress, server: Server | None = None) -> None:
    """Open a session of this run, and write down where it is; refuse a machine that differs.

    A server of the side tells what it is: one that runs already, or one started for it.
    """
    found.expect_own_files()
    if server is None:
        with side.serve(found.folder / "logs" / "server-hello.txt") as server:
            return begin(found, side, progress, server)
    server.expect_device(found.manifest.device)
    environment = {**machine.facts(), **side.libraries(), **server.hello}
    environment |= _surroundings(found, side, server)
    _expect_same(found, side, server, environment)
    found.drop_torn_line()
    ceilings = _ceilings(found, side, server, progress)
    noise = known_noise(found, environment)
    known_then = noise.plain() if noise else {}
    session = Session(now(), environment, ceilings=ceilings, noise=known_then)
    fixed = noise.judged_kinds if noise and not found.manifest.sessions else {}
    found.manifest = replace(
        found.manifest,
        sessions=[*found.manifest.sessions, session],
        judged=found.manifest.judged or fixed,
    )
    found.save()


def _surroundings(found: Run, side: Side, server: Server) -> dict[str, Any]:
    """Return effective facts and the variables that are heeded; a side that cannot tell is told."""
    try:
        told = server.surroundings(found.manifest.device)
    except UserError as error:
        found.notices.append(publishable(str(error), side))
        return {}
    settings = machine.settings(told["variables"], side)
    return {"effective": told["facts"], "settings": settings}


def known_noise(found: Run, environment: dict[str, Any]) -> Noise | None:
    """Return what selftests have found of this machine; a damaged file is only told of."""
    try:
        return known(environment["machine_id"], found.manifest.device)
    except UserError as error:
        found.notices.append(str(error))
        return None


@contextmanager
def served(side: Side) -> Iterator[tuple[Side, Server]]:
    """Yield the side with an empty cache for compilers, and a server of it that is starting."""
    with fresh_cache() as cache:
        side = replace(side, cache=cache)
        with side.serve(cache / "server.txt") as server:
            yield side, server


@contextmanager
def fresh_cache() -> Iterator[Path]:
    """Yield a folder for compilers' caches and workers' temporary files, and remove it.

    Compilers start from an empty cache, so that a first compilation is seen as one.
    """
    before = os.environ.get("TMPDIR")
    _tell_where(temporary(), Path(tempfile.gettempdir()))
    with scratch("run") as cache:
        os.environ["TMPDIR"] = str(cache)  # what a killed worker leaves goes with it
        try:
            yield cache
        finally:
            os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)


def _tell_where(place: Path, asked: Path) -> None:
    if place != asked:
        relay(f"note: '{asked}' is no plain word to a compiler; temporary files lie in {place}")


def provision(found: Run, side: Side, progress: Progress) -> None:
    """Make what must exist first (trained networks); told apart from what is measured."""
    cases = [at_work(case, side) for case in found.manifest.cases if case.provisioned]
    if not cases:
        return
    log = found.folder / "logs" / "provision.txt"
    started = time.monotonic()
    for failure in side.provision(cases, log, progress.provision):
        found.notices.append(f"could not be made ready: {publishable(failure, side)}")
    keep_log(log, side)
    found.update_session(provision_s=time.monotonic() - started)


def _ceilings(found: Run, side: Side, server: Server, progress: Progress) -> list[Ceilings]:
    """Measure what the device can do at best, at every number of threads that cases use."""
    progress.provision("measuring this device's ceilings", 0.0)
    log = found.folder / "logs" / "ceilings.txt"

    def tell(line: str) -> None:
        found.notices.append(publishable(line, side))

    ceilings = ask(server, needed(found.manifest.cases), log, tell)
    keep_log(log, side)
    return ceilings


def _expect_same(found: Run, side: Side, server: Server, environment: dict[str, Any]) -> None:
    """Refuse to resume where machine, libraries or sources are not what they were."""
    if not found.manifest.sessions:
        return
    before = found.manifest.sessions[0].environment
    changes = elsewhere(before, environment, found.manifest.device)
    was, now = found.manifest.git.get("commit"), git_state().get("commit")
    if was != now and not found.manifest.pairing:  # a side's commit need not be the checkout's
        changes["commit"] = (was, now)
    known = [at_work(case, side) for case in found.manifest.cases]
    if modules := server.changed_sources(known):
        changes["source"] = ("as listed", side.told(f"changed in {', '.join(modules)}"))
    for name, (old, new) in changes.items():
        raise UserError(
            f"cannot resume {found.folder}: {name} was {old}, is now {new}; start a new run"
        )


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
