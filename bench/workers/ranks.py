"""A case of several ranks: a worker that hosts torchrun's elastic agent, and what each rank does.

Of several nodes each has such a worker, for its own part of the ranks. Ranks are forked from the
host, which has imported torch and run nothing. Each does the same role in step with the others and
hands back its own reply; the host makes one reply of them.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from bench.cases.case import Case
from bench.cases.variant import Unsupported
from bench.state import carrying, load
from bench.system import process
from bench.system.network import interface_of
from bench.workers import rank_replies
from bench.workers.outcome import outcome_of
from bench.workers.preload import ask_a_fork, forks_are_spoiled
from bench.workers.stacks import describe_stacks

Reply = dict[str, Any]
RunRole = Callable[[Case, Reply], Reply]

_POLL_S = 0.02
_LET_THE_CULPRIT_BE_SEEN_S = 0.5  # a rank that was killed is noticed before those it let down
_STACKS_S = 0.3
_RENDEZVOUS_S = 120.0


class RankFailed(Exception):
    """Raised in a rank whose reply is not `ok`, so that the agent ends the others."""


def host(case: Case, request: Reply, run_role: RunRole) -> Reply:
    """Start the ranks of a case, wait for them, and return one reply for all.

    Of several nodes these are the ranks of this one, and an `ok` has their replies as they are.
    """
    from bench.workers.rendezvous import kept

    _expect_devices(case)
    before, node = load.snapshot(), _node_of(case, request)
    made = tempfile.TemporaryDirectory(prefix="touchstone-ranks-")
    with kept(node), made as name:  # a fork comes before the watchdog's thread
        folder = Path(name)
        tempfile.tempdir = name  # torch leaves an error of a rank there, and nobody removes it
        watchdog = _Watchdog(folder, _local(case, node), request["timeout_s"])
        try:
            replies = _launch(case, folder, request, run_role)
        except Exception as error:
            watchdog.cancel()
            return watchdog.reply or rank_replies.failure(folder, error)
        watchdog.cancel()
    if request["role"] == "time":
        ranks = case.local_ranks * (node["sharing"] if node else 1)
        explain_times(case, ranks, replies[min(replies)], load.between(before, load.snapshot()))
    if node is not None:
        return {"outcome": "ok", "ranks": replies}
    return rank_replies.merge([replies[rank] for rank in range(case.ranks)])


def _node_of(case: Case, request: Reply) -> dict[str, Any] | None:
    """Return which of the case's nodes this is, and where they meet; None where it is the only."""
    if case.nodes > 1 and "node" not in request:
        raise Unsupported(f"is a case of {case.nodes} nodes; expected bench run with --nnodes")
    return request["node"] if case.nodes > 1 else None


def _local(case: Case, node: dict[str, Any] | None) -> range:
    """Return the ranks of this node."""
    first = node["rank"] * case.local_ranks if node else 0
    return range(first, first + case.local_ranks)


def _launch(case: Case, folder: Path, request: Reply, run_role: RunRole) -> dict[int, Reply]:
    """Let torchrun's engine start the ranks of this machine; their replies by rank."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from bench.workers.rendezvous import of_nodes, of_one

    node = _node_of(case, request)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    _choose_interface(node)
    config = LaunchConfig(
        **(of_nodes(node, case.nodes) if node else of_one()),
        nproc_per_node=case.local_ranks,
        logs_specs=DefaultLogsSpecs(log_dir=str(folder)),  # by default a folder it never removes
        max_restarts=0,
        monitor_interval=_POLL_S,
        start_method="fork",
    )
    if case.device != "cpu" and forks_are_spoiled():  # it asked whether there is a GPU
        raise Unsupported(
            "torchrun's engine began CUDA before its ranks were forked, which then cannot use it; "
            "expected NVML to answer in its place: is libnvidia-ml.so.1 where the loader looks?"
        )
    replies: dict[int, Reply] = elastic_launch(config, _rank)(
        case, str(folder), os.getpid(), request, run_role
    )
    return replies


def _choose_interface(node: dict[str, Any] | None) -> None:
    """Have ranks talk over this machine alone, or the interface that leads to the other nodes."""
    alone = "lo" if Path("/sys/class/net/lo").exists() else ""
    interface = interface_of(node["address"]) if node else alone
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(name, interface)


def _rank(case: Case, folder: str, host_pid: int, request: Reply, run_role: RunRole) -> Reply:
    """Run the role in one rank; raises where the reply is not `ok`."""
    process.die_with_parent(host_pid)
    process.adopt_orphans()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    rank = int(os.environ["RANK"])
    rank_replies.announce(Path(folder), rank)
    rank_replies.await_all(Path(folder), _local(case, _node_of(case, request)))
    stacks = (Path(folder) / f"{rank}.stack").open("w")  # kept open: faulthandler writes into it
    faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=False)
    reply = outcome_of(lambda: _with_group(case, request, run_role))
    if reply["outcome"] != "ok":
        rank_replies.leave(Path(folder), rank, reply)
        time.sleep(_LET_THE_CULPRIT_BE_SEEN_S)
        raise RankFailed(f"rank {rank}: {reply['outcome']}")
    plain: Reply = json.loads(json.dumps(reply))
    return plain


def _with_group(case: Case, request: Reply, run_role: RunRole) -> Reply:
    """Run the role with the process group up; whatever fails on the way is this rank's outcome."""
    import torch.distributed as dist

    rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    if case.device != "cpu":
        case = replace(case, device=f"cuda:{local_rank}")
        torch.cuda.set_device(local_rank)
    _know_carriers()
    dist.init_process_group(
        "gloo" if case.device == "cpu" else "nccl",
        timeout=timedelta(seconds=request["timeout_s"] + _RENDEZVOUS_S),  # ours ends it first
    )
    reply = run_role(case, rank_replies.own_part(request, rank, case.ranks, case.local_ranks))
    if reply["outcome"] == "ok":
        dist.barrier()  # no rank leaves while another still needs it
    return reply


def _know_carriers() -> None:
    """Have the threads of every process group known as such, also of those that libraries make."""
    from torch.distributed import distributed_c10d

    make = distributed_c10d._new_process_group_helper

    def watched(*given: Any, **named: Any) -> Any:
        with carrying():
            return make(*given, **named)

    distributed_c10d._new_process_group_helper = watched


class _Watchdog:
    """Ends ranks that are out of time, and says where each of them stood."""

    def __init__(self, folder: Path, ranks: range, timeout_s: float):
        self.reply: Reply | None = None
        self._folder, self._ranks, self._timeout_s = folder, ranks, timeout_s
        self._timer = threading.Timer(timeout_s, self._end)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Stand down; waits for an ending that has begun."""
        self._timer.cancel()
        self._timer.join()

    def _end(self) -> None:
        pids = [rank_replies.pid_of(self._folder, rank) for rank in self._ranks]
        _signal(pids, signal.SIGUSR1)
        time.sleep(_STACKS_S)
        stood = describe_stacks(self._folder, self._ranks)
        self.reply = {
            "outcome": "timeout",
            "detail": f"no result after {self._timeout_s:g} s; {stood}",
        }
        _signal(pids, signal.SIGKILL)


def _signal(pids: list[int | None], signum: int) -> None:
    for pid in pids:
        if pid is not None and Path(f"/proc/{pid}").exists():
            os.kill(pid, signum)


def _expect_devices(case: Case) -> None:
    """Refuse more ranks than GPUs: NCCL gives every rank its own."""
    if case.device == "cpu":
        return
    devices = ask_a_fork(torch.cuda.device_count)  # the answer may cost the one who asks its forks
    if case.local_ranks > devices:
        raise Unsupported(f"needs {case.local_ranks} GPUs, one a rank; this machine has {devices}")


def explain_times(case: Case, ranks: int, reply: Reply, elsewhere: load.Elsewhere) -> None:
    """Flag times of ranks that shared cores, with each other or with anyone else.

    `ranks` are all of the case's on this machine, whichever of its nodes have them; what those of
    other nodes take is seen among the others'.
    """
    cores = len(os.sched_getaffinity(0))
    each = case.threads if case.device == "cpu" else 1
    reply.setdefault("labels", {}).update(
        other_cpu_cores=f"{elsewhere.other_cores:.2f}",
        stolen_share=f"{elsewhere.stolen_share:.3f}",
    )
    if ranks * each > cores:
        reply.setdefault("flags", []).append("oversubscribed")
    elif elsewhere.crowded(cores - case.local_ranks * each):
        reply.setdefault("flags", []).append("contended")
