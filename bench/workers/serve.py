"""The fork server: `python -m bench.workers.serve` in any interpreter that has torch.

It reads one JSON request a line on stdin, forks one worker for each, and answers in one line.
It imports torch, creates no CUDA context, runs no operator and starts no thread, so that a fork is
a fresh process that only skipped the import; what a problem wants imported as well is named on the
command line. Standard library and torch only: the other side of a comparison may have nothing
else installed.
"""

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from bench.system import own, process
from bench.system.log import KEPT_BYTES, Listener

Reply = dict[str, Any]

RANKS_GRACE_S = 5.0  # a host of ranks ends them itself, and says where each stood


def main() -> None:
    """Serve until stdin closes or the parent dies."""
    parent, *preload = sys.argv[1:]
    del sys.argv[1:]  # a guest that parses its command line finds it empty
    own.settle(own.OF_WORKERS)
    process.die_with_parent(int(parent), signal.SIGTERM)
    process.adopt_orphans()
    signal.signal(signal.SIGTERM, _leave)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not reach the replies
    gc.disable()  # a fifth of an import goes into looking for garbage that is none
    import torch

    importlib.import_module(
        "bench.workers.worker"
    )  # the instrument too; suites are each worker's own
    if torch.version.cuda:  # cuDNN's default is TF32: here float32 is float32, unless asked
        importlib.import_module("bench.state.float32").set_float32_products("ieee")
    importlib.import_module("bench.state").remember()  # before anything of theirs is imported
    left_out = _preload(preload, replies)
    gc.freeze()
    gc.enable()
    hello: Reply = {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": len(os.listdir("/proc/self/task")),
    }
    if not torch.version.cuda:  # whose build takes longer to load
        hello["start_cpu_s"] = round(time.process_time(), 3)
    if left_out:
        hello["left_out"] = left_out
    _send(replies, hello)
    for line in sys.stdin:
        _send(replies, serve(json.loads(line)))
    process.end_descendants()


def _preload(names: list[str], replies: Any) -> list[str]:
    from bench.workers.preload import Spoiled, begin_again, preload

    try:
        return preload(names)
    except Spoiled as spoiled:
        os.dup2(replies.fileno(), 1)
        begin_again(names, spoiled.name)
        raise


def _leave(_signum: int, _frame: FrameType | None) -> None:
    process.end_descendants()
    os._exit(0)


def _send(stream: Any, reply: Reply) -> None:
    stream.write(json.dumps(reply) + "\n")
    stream.flush()


def serve(request: Reply) -> Reply:
    """Fork a worker, wait for its result or its end, and leave nothing of it behind."""
    kills_before = _kernel_oom_kills()
    started = time.perf_counter()
    reader, writer = os.pipe()
    listener = Listener(request["log"], request.get("log_bytes", KEPT_BYTES))
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.close(listener.reader)
        _become_worker(server, request, writer, listener.writer)
    os.close(writer)
    os.close(listener.writer)
    grace_s = RANKS_GRACE_S if request.get("case", {}).get("ranks", 1) > 1 else 0.0
    raw, finished = _wait(pid, reader, listener, request["timeout_s"] + grace_s)
    os.close(reader)
    status = _collect(pid, finished, listener)
    process.end_descendants()
    listener.close()
    if not finished:
        reply = {"outcome": "timeout", "detail": f"no result after {request['timeout_s']:g} s"}
    elif raw.endswith(b"\n"):
        reply = json.loads(raw)
    else:
        reply = _post_mortem(status, _kernel_oom_kills() > kills_before)
    return {**reply, "elapsed_s": time.perf_counter() - started}


def _become_worker(server: int, request: Reply, writer: int, log: int) -> None:
    """In the fork: never returns."""
    code = 1
    try:
        process.die_with_parent(server)
        process.adopt_orphans()  # what a variant starts stays below it, and its work is counted
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(log)
        faulthandler.enable()
        faulthandler.register(signal.SIGTERM, chain=True)  # a timeout shows where it stood
        from bench.workers import worker

        result = worker.attempt(request)
        with os.fdopen(writer, "w") as stream:
            stream.write(json.dumps(result) + "\n")
        code = 0
    finally:
        for said in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a guest may have closed or replaced it
                said.flush()
        os._exit(code)


def _wait(pid: int, reader: int, listener: Listener, timeout_s: float) -> tuple[bytes, bool]:
    """Sleep until the worker has ended or its time is up; collect what it wrote and said."""
    deadline = time.monotonic() + timeout_s
    ended = os.pidfd_open(pid)
    os.set_blocking(reader, False)
    chunks: list[bytes] = []
    watched = [ended, reader, listener.reader]
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return b"".join(chunks), False
            ready, _, _ = select.select(watched, [], [], left)
            if reader in ready and not _drain(reader, chunks):
                watched.remove(reader)
            if listener.reader in ready:
                listener.listen()
            if listener.at_end and listener.reader in watched:
                watched.remove(listener.reader)
            if ended in ready:
                _drain(reader, chunks)
                return b"".join(chunks), True
    finally:
        os.close(ended)


def _drain(reader: int, chunks: list[bytes]) -> bool:
    """Read what is there; say whether more may come."""
    while True:
        try:
            chunk = os.read(reader, 1 << 16)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        chunks.append(chunk)


def _collect(pid: int, finished: bool, listener: Listener) -> int:
    """Reap the worker; one that is out of time gets SIGTERM, then SIGKILL."""
    if not finished:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status
            listener.listen()  # else its last words find no room
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _post_mortem(status: int, kernel_killed: bool) -> Reply:
    """Tell how a worker died that left no result."""
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name == "SIGKILL" and kernel_killed:
            return {"outcome": "oom", "detail": "killed by the kernel: out of memory"}
        return {"outcome": "crash", "detail": f"died of {name} without a result"}
    code = os.WEXITSTATUS(status)
    return {"outcome": "crash", "detail": f"exited with status {code} without a result"}


def _kernel_oom_kills() -> int:
    """Return how often this kernel has killed for memory; the evidence behind an `oom`."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


if __name__ == "__main__":
    main()
