"""Several ranks in one case: in step, told apart, and ended with their rank and stack."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.sides.server import Server
from bench.sides.side import Side
from bench.state.load import Elsewhere
from bench.system import process
from bench.workers.rank_replies import merge, own_part
from bench.workers.ranks import explain_times

pytestmark = pytest.mark.multirank

RANKS = '''
"""Steps of two ranks: one that works, and ways to fail."""
import os, time
from dataclasses import dataclass
import torch
import torch.distributed as dist
from bench import Incorrect, Problem, variant
from bench.cases.case import Measurement
from bench.cases.problem import Verdict

@dataclass(frozen=True)
class Sum(Problem):
    """The sum over ranks of ones."""
    size: int = 1000

    def make_inputs(self, seed, setting):
        return torch.full((self.size,), float(seed + dist.get_rank()))

    def call(self, step, setting):
        return lambda inputs: (step(inputs),)

    def check(self, call, inputs, setting):
        (total,) = call(inputs)
        if not bool((total == total[0]).all()):
            raise Incorrect("not the sum")
        return Verdict([Measurement("total_error", "1", [0.0])], [(0.0, 0.0)])

    def account(self, built, inputs, setting):
        return [Measurement("held", "bytes", [100.0 * (dist.get_rank() + 1)])]

    def quality(self, built, seed, setting):
        return [Measurement("loss", "1", [3.0, 2.0, 1.0 + seed])]

def summed(inputs):
    total = inputs.clone()
    dist.all_reduce(total)
    return total

@variant
def works(problem: Sum):
    return summed

@variant
def raises(problem: Sum):
    def step(inputs):
        if dist.get_rank() == 1:
            raise ArithmeticError("no sum today")
        return summed(inputs)
    return step

@variant
def dies(problem: Sum):
    def step(inputs):
        if dist.get_rank() == 1:
            os.kill(os.getpid(), 9)
        return summed(inputs)
    return step

@variant
def hangs(problem: Sum):
    def step(inputs):
        if dist.get_rank() == 1:
            sleep_for_ever()
        return summed(inputs)
    return step

def sleep_for_ever():
    while True:
        time.sleep(3597)

@variant
def wrong(problem: Sum):
    return lambda inputs: inputs + torch.arange(len(inputs)) * dist.get_rank()
'''


Ask = Callable[..., dict]


@pytest.fixture
def attempt(server: Server, attempt_of: Callable[[Server], Ask]) -> Ask:
    return attempt_of(server)


@pytest.fixture
def attempt_of(tmp_path: Path) -> Callable[[Server], Ask]:
    (tmp_path / "ranks.py").write_text(RANKS)
    return lambda server: partial(ask, server, tmp_path)


def ask(server: Server, folder: Path, variant: str, role: str, **more: object) -> dict:
    case = Case("ranks", variant, str(folder / "ranks.py"), "Sum", {"size": 1000}, ranks=2)
    log = str(folder / "log.txt")
    return server.attempt({"case": asdict(case), "role": role, "timeout_s": 30, "log": log, **more})


def by_quantity(reply: dict) -> dict:
    return {(m["quantity"], m.get("rank")): m["samples"] for m in reply["measurements"]}


def test_ranks_are_checked_and_timed_in_step(attempt) -> None:
    checked = attempt("works", "check")
    assert checked["outcome"] == "ok", checked
    timed = attempt(
        "works",
        "time",
        share_s=0.1,
        fingerprints=checked["fingerprints"],
        tolerances=checked["tolerances"],
    )
    assert timed["outcome"] == "ok", timed
    found = by_quantity(timed)
    job, first, second = found["time", None], found["time", 0], found["time", 1]
    assert len(job) == len(first) == len(second) >= 3
    assert job == [max(pair) for pair in zip(first, second, strict=True)]
    assert timed["labels"]["clock"] == "perf_counter, slowest rank"


def test_what_a_rank_holds_is_kept_beside_the_maximum(attempt) -> None:
    found = by_quantity(attempt("works", "memory"))
    assert found == {("held", None): [200.0], ("held", 0): [100.0], ("held", 1): [200.0]}


def test_quality_that_ranks_agree_on_is_kept_once(attempt) -> None:
    assert by_quantity(attempt("works", "quality", seed=1)) == {("loss", None): [3.0, 2.0, 2.0]}


@pytest.mark.parametrize(
    ("variant", "outcome", "told"),
    [
        ("raises", "error", "rank 1: ArithmeticError: no sum today"),
        ("dies", "crash", "rank 1 died of SIGKILL"),
        ("wrong", "incorrect", "rank 1: not the sum"),
    ],
)
def test_a_failing_rank_is_named_within_seconds(attempt, variant, outcome, told) -> None:
    started = time.monotonic()
    reply = attempt(variant, "check")
    assert (reply["outcome"], reply["detail"][: len(told)]) == (outcome, told)
    assert time.monotonic() - started < 15


def test_what_fails_before_a_role_begins_is_told_like_the_rest(
    attempt_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "nowhere0")
    with Side().serve(tmp_path / "server.txt") as other:
        reply = attempt_of(other)("works", "check")
    assert reply["outcome"] == "error"
    assert reply["detail"].startswith("rank ")
    assert "nowhere0" in reply["detail"]
    assert "init_process_group" in (tmp_path / "log.txt").read_text()  # the traceback


def test_a_hung_rank_is_named_with_its_stack(attempt, server: Server, tmp_path: Path) -> None:
    reply = attempt("hangs", "check", timeout_s=4)
    assert reply["outcome"] == "timeout"
    assert "rank 1 stands in sleep_for_ever (" in reply["detail"]
    assert "1 other waits" in reply["detail"]
    log = (tmp_path / "log.txt").read_text()
    assert "all_reduce" in log  # where the other one waited
    assert process.descendants(server.pid) == []


def test_the_server_goes_on_after_a_failure_and_nothing_is_left(
    attempt_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("TMPDIR", str(own))
    with Side().serve(tmp_path / "server.txt") as other:
        attempt = attempt_of(other)
        assert attempt("dies", "check")["outcome"] == "crash"
        assert attempt("raises", "check")["outcome"] == "error"
        assert attempt("works", "check")["outcome"] == "ok"
    assert left_in(own) == []


def left_in(folder: Path) -> list[Path]:
    """List what torchrun's engine and the host of ranks make while they run."""
    patterns = ("torchelastic_*", "touchstone-ranks-*", "pytorch-errorfile-*")
    return [path for pattern in patterns for path in folder.glob(pattern)]


def test_each_rank_gets_its_own_part_back() -> None:
    replies = [
        {"measurements": [], "fingerprints": [[[rank]], [[rank + 10]]], "tolerances": [[rank, 1]]}
        for rank in range(3)
    ]
    merged = merge(replies)
    assert merged["tolerances"] == [(2, 1)]
    for rank in range(3):
        part = own_part({**merged, "memory_limit_bytes": 300}, rank, 3, 3)
        assert part["fingerprints"] == replies[rank]["fingerprints"]
        assert part["memory_limit_bytes"] == 100


@pytest.mark.parametrize(
    ("num_ranks", "nodes", "other_cores", "flags"),
    [
        (1024, 1, 0.0, ["oversubscribed"]),
        (1, 1, 1024.0, ["contended"]),
        (1, 1, 0.0, []),
        (2, 2, 1.0, []),  # a core for the other node's rank, on this machine
        (2, 2, 2.0, ["contended"]),
        (1024, 1024, 0.0, ["oversubscribed"]),
    ],
)
def test_times_of_ranks_that_shared_cores_are_flagged(
    num_ranks, nodes, other_cores, flags, monkeypatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    case = Case("ranks", "works", "module", "Sum", {}, ranks=num_ranks, nodes=nodes)
    reply: dict = {}
    others = Elsewhere(other_cores, stolen_share=0.0, waited_share=0.9)
    explain_times(case, num_ranks, reply, others)
    assert reply.get("flags", []) == flags
    assert reply["labels"]["other_cpu_cores"] == f"{other_cores:.2f}"


def test_what_any_rank_was_flagged_for_is_told_of_the_job() -> None:
    replies: list[dict] = [{"outcome": "ok"}, {"outcome": "ok", "flags": ["x"], "detail": "why"}]
    merged = merge(replies)
    assert (merged["flags"], merged["detail"]) == (["x"], "rank 1: why")
    assert merge([{"outcome": "ok"}] * 2)["detail"] == ""


NAMELESS = """
import torch.distributed as dist
from bench.state import working
from bench.workers import ranks

working._CARRIERS = ("no thread is called this",)  # as gloo's own were before torch 2.12
before = working._threads()
ranks._know_carriers()
dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
dist.new_group([0])
born = working._threads() - before
known = {number for _, number in working.spent().carriers}
assert born, "no thread began with a process group"
assert born <= known, (born, known)
"""


def test_threads_that_begin_with_a_process_group_carry_whatever_their_name() -> None:
    done = subprocess.run([sys.executable, "-c", NAMELESS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
