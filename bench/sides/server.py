"""The parent's handle on a fork server: one request, one reply, and nothing outlives it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from bench.errors import BAD_INPUT, INTERNAL, InternalError, UserError, in_one_line
from bench.system import process
from bench.system.log import read_log
from bench.system.terminal import relay
from bench.system.text import decodable

_START_TIMEOUT_S = 120.0
_REPLY_GRACE_S = 15.0
_LISTING_TIMEOUT_S = 600.0
_ERROR_CHARACTERS = 2000
_LISTING_SAYS_BYTES = 4096  # of what modules print at their import, on the user's terminal


class ServerDied(Exception):
    """The fork server ended while an answer was due."""


class Server:
    """A fork server; use as a context manager, so that nothing outlives it.

    It is starting when it is made, and ready when it has said `hello`. `due` is when an answer must
    have come, by the monotonic clock.
    """

    due = 0.0

    def __init__(
        self,
        interpreter: str,
        environment: dict[str, str],
        log: Path,
        preload: tuple[str, ...] = (),
    ):
        self.log, self._interpreter = log, interpreter
        # what the instrument sets itself is the same for everyone
        self._heeded = {n: v for n, v in os.environ.items() if environment[n] == v}
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [interpreter, "-P", "-m", "bench.workers.serve", str(os.getpid()), *preload],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # a Ctrl-C at the terminal is the parent's to handle
                env=environment,
            )
        process.spare(self.pid)  # the end of another server is not its own

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def hello(self) -> dict[str, Any]:
        """Wait until the server is up; return what it says of itself."""
        try:
            return self._read(_START_TIMEOUT_S)
        except ServerDied as error:
            self.close()
            said = read_log(self.log) if self.log.exists() else ""
            last = (said.strip().splitlines() or ["no output"])[-1]
            raise UserError(
                f"cannot start a worker server with {self._interpreter}: {last}",
                INTERNAL if self._interpreter == sys.executable else BAD_INPUT,
            ) from error

    def wait_until_up(self) -> None:
        """Wait for the server's greeting; UserError where none comes."""
        _ = self.hello

    def attempt(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one request and sleep until its reply; ServerDied where none comes."""
        self.ask(request)
        return self.answer()

    def ask(self, request: dict[str, Any]) -> None:
        """Send one request and do not wait; ServerDied where nobody listens."""
        self.wait_until_up()
        try:
            _pipe(self._process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(self._process.stdin).flush()
        except BrokenPipeError as error:
            raise ServerDied from error
        self.due = time.monotonic() + request["timeout_s"] + _REPLY_GRACE_S

    def answer(self) -> dict[str, Any]:
        """Sleep until the reply to what was asked; ServerDied where none comes."""
        return self._read(self.due - time.monotonic())

    def end_attempt(self) -> None:
        """End what an answer is due from; the answer still comes, and says so."""
        for pid in process.descendants(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def fileno(self) -> int:
        """Return what is readable once an answer arrives."""
        return _pipe(self._process.stdout).fileno()

    def list_cases(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have a fork list cases; UserError with its line where it refuses.

        An error is the user's where a file of theirs is in its traceback, else the instrument's.
        What it prints is passed on, or `said` in the answer where the request is `quiet`.
        """
        log = self.log.with_name("listing.txt")
        listing = {
            "listing": request,
            "timeout_s": _LISTING_TIMEOUT_S,
            "log": str(log.absolute()),
            "log_bytes": _LISTING_SAYS_BYTES,
        }
        try:
            answer = self.attempt(listing)
        except ServerDied as error:
            raise InternalError("cannot list cases: the worker server died") from error
        said = read_log(log)
        log.unlink()
        if answer.get("outcome") == "error" and not _shows_file(said, request):
            raise InternalError(f"cannot list cases: {answer['detail']}", said)
        if answer.get("outcome") != "ok":
            files = [word for word in request.get("selectors", ()) if word.endswith(".py")]
            detail = in_one_line(answer["detail"])
            raise UserError(f"cannot list {', '.join(files) or 'cases'}: {detail}")
        if "error" in answer:
            raise UserError(in_one_line(answer["error"], _ERROR_CHARACTERS))
        if request.get("quiet"):
            return {**answer, "said": said}
        relay(said)
        return answer

    def surroundings(self, device: str = "cpu") -> dict[str, Any]:
        """Have a fork tell what is effective there, and the user's variables that are heeded."""
        log = self.log.with_name("surroundings.txt")
        asked = {
            "surroundings": {"names": sorted(self._heeded), "device": device},
            "timeout_s": _START_TIMEOUT_S,
            "log": str(log.absolute()),
        }
        try:
            answer = self.attempt(asked)
        except ServerDied:
            answer = {"outcome": "crash", "detail": "the worker server died"}
        if answer["outcome"] != "ok":
            raise UserError(f"cannot read the surroundings: {answer['detail']}; see {log}")
        log.unlink()
        names = answer["variables"]
        return {"facts": answer["facts"], "variables": {n: self._heeded[n] for n in names}}

    def expect_device(self, device: str) -> None:
        """Have a fork compute one number on a GPU; UserError with torch's words where it fails."""
        if device == "cpu":
            return
        log = self.log.with_name("device.txt")
        asked = {"device": device, "timeout_s": _START_TIMEOUT_S, "log": str(log.absolute())}
        try:
            answer = self.attempt(asked)
        except ServerDied:
            answer = {"outcome": "crash", "detail": "the worker server died"}
        log.unlink(missing_ok=True)
        if answer["outcome"] != "ok":
            raise UserError(
                f"{device} cannot be used by torch {self.hello['torch']}: {answer['detail']}; "
                "measure on the CPU with --device cpu, or see `make setup`"
            )

    def changed_sources(self, known: list[dict[str, Any]]) -> list[str]:
        """Ask which modules are no longer what these cases were listed from."""
        found: list[str] = self.list_cases({"known": known, "device": "cpu"})["changed"]
        return found

    def choose_device(self, asked: str) -> str:
        """Resolve `auto`; UserError where the device is not there."""
        found: str = self.list_cases({"known": [], "device": asked})["device"]
        return found

    def close(self) -> None:
        """End the server and whatever it left; safe to call twice."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        process.spare_no_longer(self.pid)
        process.end_descendants()  # orphans of a server that was killed are ours by now
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                _pipe(pipe).close()
        if self.log.exists() and self.log.stat().st_size == 0:
            self.log.unlink()

    def _read(self, timeout_s: float) -> dict[str, Any]:
        """Read one line; the parent does nothing else meanwhile."""
        stream, deadline = _pipe(self._process.stdout), time.monotonic() + timeout_s
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([stream], [], [], max(left, 0))
            chunk = os.read(stream.fileno(), 1 << 16) if ready else b""
            if not chunk:
                raise ServerDied
            line += chunk
        reply: dict[str, Any] = decodable(json.loads(line))
        return reply


def _shows_file(traceback: str, request: dict[str, Any]) -> bool:
    """Say whether a file that the request names is in a traceback."""
    selectors: list[str] = request.get("selectors", [])
    return any(f'"{file}"' in traceback for file in selectors if file.endswith(".py"))


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
