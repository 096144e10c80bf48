"""The order of things: prepare every case, then rounds that interleave all of them."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bench.case import Attempt, Case, Measurement, Role
from bench.checkout import at_work, publishable
from bench.pace import Pace
from bench.record import fold_case
from bench.servers import Servers
from bench.side import Side
from bench.stopping import SERVER_START_S, SHARE_MIN_S, narrow
from bench.store import Run

_DETAIL_CHARACTERS = 400
_MEMORY_SHARE = 0.9  # of what is available: beyond it an allocation fails in the worker


class Progress(Protocol):
    """Told what is next and what came of it; draws only then, never while a worker runs."""

    def provision(self, what: str, share: float) -> None: ...
    def next(self, what: str, left_s: float) -> None: ...
    def done(self, attempt: Attempt) -> None: ...


class Schedule:
    """Runs what a run folder still lacks, in one session."""

    def __init__(self, run: Run, side: Side, progress: Progress):
        self.run, self.side, self.progress = run, side, progress
        self.manifest = run.manifest
        self.share_s = run.manifest.share_s
        self.session = len(run.manifest.sessions) - 1
        budget = run.manifest.budget_s
        self.deadline = time.monotonic() + budget if budget is not None else float("inf")
        self._done = {(a.case, a.role, a.round) for a in run.attempts}
        self._failed = {a.case for a in run.attempts if a.outcome != "ok"}
        self._checked = {a.case: a for a in run.attempts if a.role == "check"}
        self._number = len(run.attempts)
        self._pace = Pace(self.manifest.share_s)

    def execute(self) -> str:
        """Do all of it; return `finished` or `budget`."""
        for log in (self.run.folder / "logs").iterdir():
            keep_log(log)  # what an earlier session was killed over
        if not self._prepare():
            return "budget"
        self._refit()
        started = time.monotonic()
        try:
            return "finished" if self._rounds() else "budget"
        finally:
            self.run.update_session(timing_wall_s=time.monotonic() - started)

    def _prepare(self) -> bool:
        """Check every case and measure its memory; a case that fails goes no further."""
        todo = [
            (case, role, seed)
            for case in self.manifest.cases
            for role, seed in _preparation(case)
            if (case.id, role, seed) not in self._done
        ]
        rounds = self.manifest.checkpoints[0]
        return self._serve(todo, self._timed(self.manifest.cases, rounds))

    def _refit(self) -> None:
        """Shorten the share where preparation showed that the first checkpoint would not fit."""
        rounds = self.manifest.checkpoints[0]
        attempts = self._timed(self.manifest.cases, rounds)
        left = self.deadline - time.monotonic() - rounds * SERVER_START_S
        if attempts and left < float("inf"):
            overhead = self._pace.left_s(attempts) - len(attempts) * self.manifest.share_s
            fitting = (0.9 * left - overhead) / len(attempts)
            self.share_s = min(self.share_s, max(fitting, SHARE_MIN_S))

    def _timed(self, cases: list[Case], rounds: int, done: int = 0) -> list[tuple[Case, Role]]:
        """List the timed attempts from round `done` up to a number of rounds."""
        return [
            (case, "time")
            for case in cases
            if case.id not in self._failed
            for _ in range(done, case.most_rounds(rounds))
        ]

    def _rounds(self) -> bool:
        active = list(self.manifest.cases)
        checkpoints = self.manifest.checkpoints
        for number in range(checkpoints[-1]):
            if number in checkpoints:
                active = [case for case in active if not self._narrow(case)]
            active = [case for case in active if number < case.most_rounds(checkpoints[-1])]
            todo: list[tuple[Case, Role, int]] = [
                (case, "time", number)
                for case in active
                if case.id not in self._failed and (case.id, "time", number) not in self._done
            ]
            random.Random(f"{self.manifest.seed}-{number}").shuffle(todo)
            if not self._serve(todo, self._timed(active, checkpoints[-1], number + 1)):
                return False
        return True

    def _narrow(self, case: Case) -> bool:
        own = [a for a in self.run.attempts if a.case == case.id]
        return narrow(fold_case(case, own).interval_of())

    def _serve(self, todo: list[tuple[Case, Role, int]], later: list[tuple[Case, Role]]) -> bool:
        """Do a list of attempts with fresh servers; False where the budget ended."""
        later_s = self._pace.left_s(later)
        cases = [case for case, _, _ in todo if case.id not in self._failed]
        with Servers(self.side, cases, self._server_log, keep_log) as servers:
            for position, (case, role, number) in enumerate(todo):
                if case.id in self._failed:
                    continue
                if time.monotonic() > self.deadline:
                    return False
                here = [(case, role) for case, role, _ in todo[position:]]
                left = min(self._pace.left_s(here) + later_s, self.deadline - time.monotonic())
                self.progress.next(f"{role} {case.suite}/{case.variant}", left)
                started = time.monotonic()
                self._attempt(servers, case, role, number)
                self._pace.took(case, role, time.monotonic() - started)
        return True

    def _server_log(self) -> Path:
        self._number += 1
        return self.run.folder / "logs" / f"{self._number:05}-server.txt"

    def _attempt(self, servers: Servers, case: Case, role: Role, number: int) -> None:
        """Run one attempt and append it."""
        request = self._request(case, role, number)
        begun = datetime.now(UTC).isoformat(timespec="milliseconds")
        reply = servers.attempt(case, request)
        attempt = self._as_attempt(case, role, number, begun, reply, Path(request["log"]))
        self.run.append(attempt)
        self.progress.done(attempt)
        if attempt.outcome != "ok":
            self._failed.add(case.id)
        if role == "check":
            self._checked[case.id] = attempt

    def _request(self, case: Case, role: Role, number: int) -> dict[str, Any]:
        self._number += 1
        request: dict[str, Any] = {
            "case": at_work(case),
            "role": role,
            "timeout_s": self.manifest.timeout_s,
            "share_s": self.share_s,
            "log": str((self.run.folder / "logs" / f"{self._number:05}-{role}.txt").resolve()),
        }
        if case.device == "cpu":
            request["memory_limit_bytes"] = int(_MEMORY_SHARE * available_memory_bytes())
        if role == "quality":
            request["seed"] = number
        if role == "time" and (checked := self._checked.get(case.id)):
            request["fingerprints"] = checked.fingerprints
            request["tolerances"] = checked.tolerances
        return request

    def _as_attempt(
        self, case: Case, role: Role, number: int, begun: str, reply: dict[str, Any], log: Path
    ) -> Attempt:
        measurements = [Measurement(**m) for m in reply.pop("measurements", [])]
        detail = publishable(" ".join(reply.pop("detail", "").split()))[:_DETAIL_CHARACTERS]
        return Attempt(
            case=case.id,
            role=role,
            session=self.session,
            round=number,
            started=begun,
            detail=detail,
            measurements=measurements,
            log=keep_log(log),
            **reply,
        )


def _preparation(case: Case) -> list[tuple[Role, int]]:
    quality: list[tuple[Role, int]] = [("quality", seed) for seed in range(case.quality_seeds)]
    return [("check", 0), ("memory", 0), *quality]


def keep_log(log: Path) -> str:
    """Keep what the worker wrote to stderr, made publishable; drop an empty log."""
    try:
        text = log.read_text(errors="replace")
        if text.strip():
            log.write_text(publishable(text))
            return f"{log.parent.name}/{log.name}"
        log.unlink()
    except OSError:
        pass  # a log is worth less than the attempt it belongs to
    return ""


def available_memory_bytes() -> int:
    """Return the memory that could be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/meminfo has no MemAvailable")
