"""A side: an interpreter and the code it measures. The parent's handle on its servers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.errors import UserError
from bench.sides.server import Server
from bench.system import own, session_cache
from bench.system.own import ROOT
from bench.system.scratch import scratch


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
            env=self.environment(),
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
                env=self.environment(),
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
        return Server(self.interpreter, self.environment(), log, preload)

    def environment(self) -> dict[str, str]:
        """Let the child import the side's code, compile in its own process, and start no thread."""
        caches = self.cache and {
            "TMPDIR": str(self.cache),  # precompiled headers, for one
            "TORCHINDUCTOR_CACHE_DIR": f"{self.cache}/inductor",
            "TRITON_CACHE_DIR": f"{self.cache}/triton",
            session_cache.FOLDER: str(self.cache),
        }
        return {
            **os.environ,
            **(caches or {}),
            "PYTHONPATH": str(self.root),
            own.USERS_PATH: os.environ.get("PYTHONPATH", ""),
            "PYTHONIOENCODING": "utf-8:backslashreplace",  # of logs: no word is an error
            "OPENBLAS_NUM_THREADS": "1",  # NumPy's pool starts at import, and forks lose threads
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
            "KINETO_LOG_LEVEL": "99",
            # "is there a GPU?" must not begin CUDA before a fork
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
            # torch's cuda:0 is then NVML's GPU 0, also on a machine with several kinds
            "CUDA_DEVICE_ORDER": os.environ.get("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
            "TORCH_CPP_LOG_LEVEL": "ERROR",  # the profiler's; torch's warnings come by Python
        }


def _text(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
