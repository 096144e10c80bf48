"""Attempts of one run: asked of its servers, written down, and the logs they leave."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.cases.case import Attempt, Case, Measurement, Role, Window
from bench.cases.problem import COPIED
from bench.errors import UserError, in_one_line
from bench.machine.probes.sampler import Sampler
from bench.profiling.folder import folder_of
from bench.running.limits import limit_s
from bench.running.step import Step
from bench.sides.checkout import at_work, publishable
from bench.sides.server import Server
from bench.sides.servers import Servers
from bench.sides.side import Side
from bench.store import Run
from bench.store.allocated import Allocation
from bench.store.structures import structure_of
from bench.system.log import read_log
from bench.timing.sampling import MAX_SAMPLES

UnderWay = Generator[Server, None, Attempt]  # it yields who owes the answer

OF_ITSELF = ("fit", "profile")  # roles whose failure says nothing of the others
_DETAIL_CHARACTERS = 400
_LABEL_CHARACTERS = 120
_DETAIL_READ = 4000  # what is hidden in it may be longer than its mark
_MEMORY_SHARE = 0.9  # of what is available: beyond it an allocation fails in the worker


class Attempts:
    """Makes the attempts of one run, in its present session, on one side.

    `failed` are the ids of cases that go no further, `worthless` of those whose quality does not,
    which costs no more than itself. `allocated` are the cases that a round times in several
    processes. A check's fingerprints reach the timed attempts of its case.
    `sampler` watches the GPUs meanwhile, on a CPU it is not needed. `deadline` is a budget's.
    """

    deadline = float("inf")

    def __init__(self, run: Run, side: Side, sampler: Sampler | None = None):
        self.run, self.side, self.sampler = run, side, sampler
        self.share_s = run.manifest.share_s
        self.allocated: dict[str, Allocation] = {}
        self.session = len(run.manifest.sessions) - 1
        self.failed: set[str] = set()
        self.worthless: set[str] = set()
        for attempt in run.attempts:
            self._bar(attempt)
        self._checked = {a.case: a for a in run.attempts if a.role == "check"}
        self._number = _last_number(run)

    def make(self, servers: Servers, step: Step) -> Attempt:
        """Have one attempt made, and append it."""
        request, begun = self._request(step), _moment()
        reply = self._watched(step.case, lambda: servers.attempt(step.case, request))
        return self._kept(step, begun, reply, Path(request["log"]))

    def begin(self, servers: Servers, step: Step) -> UnderWay:
        """Begin one beside others, on a CPU; yield its server while an answer is due."""
        request, begun = self._request(step), _moment()
        reply = yield from servers.begin(step.case, request)
        return self._kept(step, begun, reply, Path(request["log"]))

    def _kept(self, step: Step, begun: str, reply: dict[str, Any], log: Path) -> Attempt:
        attempt = self._as_attempt(step, begun, reply, log)
        self.run.append(attempt)
        self._bar(attempt)
        if step.role == "check":
            self._checked[step.case.id] = attempt
        return attempt

    def allocate(self, allocated: dict[str, Allocation]) -> None:
        """Fix, and write down, which cases a round times in several processes."""
        self.allocated = allocated
        self.run.update_session(allocated=allocated)

    def allocation(self, case: Case) -> Allocation:
        """Return the processes of a case in a round, and the share of each."""
        return self.allocated.get(case.id, Allocation(1, case.shares * self.share_s))

    def timed(self, case: Case, number: int) -> list[Step]:
        """List what a round asks of a case."""
        forks = self.allocation(case).forks
        return [Step(case, "time", number, process) for process in range(forks)]

    def processes(self, step: Step) -> int:
        """Return how many attempts share the time that a round gives this one's case."""
        return self.allocation(step.case).forks if step.role == "time" else 1

    def call_s(self, case: Case) -> float:
        """Return about what a warm call takes; 0 where no check has told."""
        checked = self._checked.get(case.id)
        return checked.call_s if checked else 0.0

    def most_bytes(self) -> float:
        """Return the most memory that a case of this run was seen to need."""
        peaks = [m for a in self.run.attempts for m in a.measurements if m.quantity == "peak"]
        return max((bytes_ for peak in peaks for bytes_ in peak.samples), default=0.0)

    def goes_on(self, case: Case, role: Role) -> bool:
        """Say whether a role of a case is still worth an attempt."""
        barred = self.failed | self.worthless if role == "quality" else self.failed
        return case.id not in barred

    def _bar(self, attempt: Attempt) -> None:
        if attempt.outcome != "ok" and attempt.role not in OF_ITSELF:
            barred = self.worthless if attempt.role == "quality" else self.failed
            barred.add(attempt.case)

    def _watched(self, case: Case, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return self.sampler.watch(case, work) if self.sampler else work()

    def keep_cost(self) -> None:
        """Write down what the sampler took, where there is one."""
        if self.sampler is not None:
            self.run.update_session(sampler=self.sampler.told())

    def servers(self, cases: list[Case], at_hand: Server | None = None) -> Servers:
        """Return fresh servers for these cases, not started yet; one may be there already."""
        return Servers(self.side, cases, self._server_log, self.keep_log, self._notice, at_hand)

    def _notice(self, line: str) -> None:
        if line not in self.run.notices:
            self.run.notices.append(line)

    def keep_log(self, log: Path) -> str:
        """Keep what a process of this side wrote to stderr."""
        return keep_log(log, self.side)

    def _server_log(self) -> Path:
        self._number += 1
        return self._log("server")

    def _log(self, of: str) -> Path:
        return self.run.folder / "logs" / f"{self._number:05}-{of}.txt"

    def _request(self, step: Step) -> dict[str, Any]:
        case, role, allocation = step.case, step.role, self.allocation(step.case)
        self._number += 1
        request: dict[str, Any] = {
            "case": at_work(case, self.side),
            "role": role,
            "timeout_s": self._limit_s(case, role),
            "share_s": allocation.share_s,
            "most_samples": MAX_SAMPLES // allocation.forks,
            "log": str(self._log(role).resolve()),
        }
        if case.device == "cpu":
            request["memory_limit_bytes"] = memory_limit_bytes()
        if role == "quality":
            request["seed"] = step.number
        if role == "fit":
            request["call_s"] = self.call_s(case)
        if role == "profile":
            request["profile"] = {"folder": str(folder_of(self.run.folder, case).resolve())}
        checked = self._checked.get(case.id)
        if role != "check" and checked:
            request["fresh_inputs"] = checked.labels.get("inputs") == COPIED
        if role == "time" and checked:
            request["fingerprints"] = checked.fingerprints
            request["tolerances"] = checked.tolerances
            request["rewritten"] = checked.rewritten
        return request

    def _limit_s(self, case: Case, role: Role) -> float:
        left_s = self.deadline - time.monotonic()
        return limit_s(case, role, self.run.manifest.timeout_s, self.call_s(case), left_s)

    def _structure(self, reply: dict[str, Any]) -> str:
        """Keep what the call did, and return its digest; a label says why where that cannot be."""
        if not (plain := reply.pop("structure", None)):
            return ""
        try:
            return self.run.keep(structure_of(plain))
        except UserError as error:
            labels = reply.setdefault("labels", {})
            labels["structure_not_seen"] = in_one_line(str(error), _LABEL_CHARACTERS)
            return ""

    def _as_attempt(self, step: Step, begun: str, reply: dict[str, Any], log: Path) -> Attempt:
        measurements = [Measurement(**m) for m in reply.pop("measurements", [])]
        window = reply.pop("window", None)
        structure = self._structure(reply)
        detail = publishable(in_one_line(reply.pop("detail", ""), _DETAIL_READ), self.side)
        return Attempt(
            case=step.case.id,
            role=step.role,
            session=self.session,
            round=step.number,
            process=step.process,
            started=begun,
            detail=detail[:_DETAIL_CHARACTERS],
            side=self.side.name,
            measurements=measurements,
            window=Window(**window) if window else None,
            structure=structure,
            log=self.keep_log(log),
            **reply,
        )


def _last_number(run: Run) -> int:
    """Return the largest number that a log has; an earlier session's logs are not written over."""
    numbers = (path.name.partition("-")[0] for path in (run.folder / "logs").glob("*.txt"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def _moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def preparation(case: Case) -> list[tuple[Role, int]]:
    """List the roles that come before a case is timed, with the seed of each."""
    quality: list[tuple[Role, int]] = [("quality", seed) for seed in range(case.quality_seeds)]
    fit: list[tuple[Role, int]] = [("fit", 0)] if case.fit_bytes else []
    return [("check", 0), ("memory", 0), *fit, *quality]


def keep_log(log: Path, side: Side | None = None) -> str:
    """Keep what a process wrote to stderr, cut to size and made publishable; drop an empty log.

    Only an ordinary file is one: a folder from elsewhere may have links and pipes among its logs.
    """
    try:
        if not stat.S_ISREG(log.lstat().st_mode):
            return ""
        text = read_log(log)
        if text.strip():
            log.write_text(publishable(text, side), encoding="utf-8", errors="backslashreplace")
            return f"{log.parent.name}/{log.name}"
        log.unlink()
    except OSError:
        pass  # a log is worth less than the attempt it belongs to
    return ""


def memory_limit_bytes() -> int:
    """Return the memory that the processes of an attempt may take together."""
    return int(_MEMORY_SHARE * available_memory_bytes())


def available_memory_bytes() -> int:
    """Return the memory that could be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/meminfo has no MemAvailable")
