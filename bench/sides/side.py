"""A side: an interpreter and the code it measures. The parent's handle on its servers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from bench.errors import BAD_INPUT, INTERNAL, InternalError, UserError, in_one_line
from bench.system import own, process, session_cache
from bench.system.log import read_log
from bench.system.own import ROOT
from bench.system.scratch import scratch
from bench.system.terminal import relay
from bench.system.text import decodable

_START_TIMEOUT_S = 120.0
_REPLY_GRACE_S = 15.0
_LISTING_TIMEOUT_S = 600.0
_ERROR_CHARACTERS = 2000
_LISTING_SAYS_BYTES = 4096  # of what modules print at their import, on the user's terminal


class ServerDied(Exception):
    """The fork server ended while an answer was due."""


@dataclass(frozen=True)
class Copy:
    """The files of a repository as they are in one of its revisions, in a folder elsewhere."""

    repository: Path
    folder: Path


@dataclass(frozen=True)
class Side:
    """Which Python runs the workers, and whose code it measures.

    The instrument is always the present checkout: `root` holds it, and the suites beside it.
    Modules that lie in a copied repository are the `copy`'s. Compilers and others keep what they
    made in `cache`, a folder that sides must not share.
    """

    interpreter: str = sys.executable
    root: Path = ROOT
    name: str = ""
    copy: Copy | None = None
    cache: Path | None = None

    def place(self, path: str) -> str:
        """Return where this side has a file; anything else as it is."""
        if self.copy is None or not Path(path).is_relative_to(self.copy.repository):
            return path
        return str(self.copy.folder / Path(path).relative_to(self.copy.repository))

    def origin(self, path: str) -> str:
        """Return where a file of this side came from; undoes `place`."""
        if self.copy is None or not Path(path).is_relative_to(self.copy.folder):
            return path
        return str(self.copy.repository / Path(path).relative_to(self.copy.folder))

    def told(self, text: str) -> str:
        """Return a text for the user, in which files lie where they came from."""
        return text.replace(str(self.copy.folder), str(self.copy.repository)) if self.copy else text

    def list_cases(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have a server of its own list the cases; UserError with its line where it refuses."""
        with scratch("listing") as folder, self.serve(folder / "server.txt") as server:
            return server.list_cases(request)

    def libraries(self) -> dict[str, Any]:
        """Return Python and library versions, as far as they are not the parent's own.

        UserError where the interpreter cannot run the instrument at all.
        """
        if self.interpreter == sys.executable:
            return {}
        done = subprocess.run(
            [self.interpreter, "-P", "-m", "bench.machine.libraries"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(self),
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise UserError(f"{self.interpreter}: expected Python 3.11 or newer; it says: {last}")
        versions: dict[str, Any] = json.loads(done.stdout)
        return versions

    def provision(
        self, cases: list[dict[str, Any]], log: Path, progress: Callable[[str, float], None]
    ) -> list[str]:
        """Let these cases' problems make what they need on disk; return what could not be made."""
        with log.open("wb") as stderr:
            child = subprocess.Popen(
                [self.interpreter, "-P", "-m", "bench.workers.provision", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
                env=_environment(self),
            )
        failed: list[str] = []
        with child:
            with contextlib.suppress(BrokenPipeError):  # it ended at once; its status is told below
                _text(child.stdin).write(json.dumps(cases))
                _text(child.stdin).close()
            for line in _text(child.stdout):
                told = json.loads(line)
                if "failed" in told:
                    failed.append(told["failed"])
                else:
                    progress(told["what"], told["share"])
        if child.returncode:
            failed.append(f"ended with status {child.returncode}; see {log}")
        return failed

    def serve(self, log: Path, preload: tuple[str, ...] = ()) -> Server:
        """Begin to start a fork server that imports `preload`; its own stderr goes to `log`."""
        return Server(self, log, preload)


class Server:
    """A fork server; use as a context manager, so that nothing outlives it.

    It is starting when it is made, and ready when it has said `hello`.
    """

    def __init__(self, side: Side, log: Path, preload: tuple[str, ...] = ()):
        self.log, self._interpreter = log, side.interpreter
        environment = _environment(side)
        # what the instrument sets itself is the same for everyone
        self._heeded = {n: v for n, v in os.environ.items() if environment[n] == v}
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [side.interpreter, "-P", "-m", "bench.workers.serve", str(os.getpid()), *preload],
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
        self.wait_until_up()
        try:
            _pipe(self._process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(self._process.stdin).flush()
        except BrokenPipeError as error:
            raise ServerDied from error
        return self._read(request["timeout_s"] + _REPLY_GRACE_S)

    def list_cases(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have a fork list cases; UserError with its line where it refuses.

        An error is the user's where a file of theirs is in its traceback, else the instrument's.
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


def _text(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _environment(side: Side) -> dict[str, str]:
    """Let the child import the side's code, compile in its own process, and start no thread."""
    caches = side.cache and {
        "TMPDIR": str(side.cache),  # precompiled headers, for one
        "TORCHINDUCTOR_CACHE_DIR": f"{side.cache}/inductor",
        "TRITON_CACHE_DIR": f"{side.cache}/triton",
        session_cache.FOLDER: str(side.cache),
    }
    return {
        **os.environ,
        **(caches or {}),
        "PYTHONPATH": str(side.root),
        own.USERS_PATH: os.environ.get("PYTHONPATH", ""),
        "PYTHONIOENCODING": "utf-8:backslashreplace",  # of logs: no word of a guest's is an error
        "OPENBLAS_NUM_THREADS": "1",  # NumPy's pool would start at import, and forks lose threads
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "KINETO_LOG_LEVEL": "99",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # "is there a GPU?" must not begin CUDA before a fork
        # torch's cuda:0 is then NVML's GPU 0, also on a machine with several kinds
        "CUDA_DEVICE_ORDER": os.environ.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # the profiler's remarks; torch's warnings come by Python
    }
