"""The profile role: where the time of a step goes. What it times is told beside the trace alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from statistics import median

import torch
import torch.distributed as dist

from bench.cases.variant import Unsupported
from bench.profiling import folder, trace
from bench.profiling.facts import Facts, MemoryOverTime
from bench.profiling.flame import speedscope
from bench.profiling.recording import dispatcher
from bench.profiling.recording.memory import memory_over_time, save_history, start_history
from bench.profiling.recording.traces import (
    Events,
    events_of,
    exported,
    fitting,
    num_events,
    python_names,
    recorded,
)
from bench.system.files import write_whole
from bench.workers.contest import Contest
from bench.workers.roles.result import Result
from bench.workers.roles.stepping import Stepping

MOST_STEPS = 8
MOST_IN_DEPTH = 200_000  # events of a step with its Python calls; torch takes long over more
STEPS_S = 0.5  # about as long as all steps of a trace may take


def profile(contest: Contest) -> Result:
    """Trace steps, in turns with steps that are not; then one more with stacks and categories.

    The trace, what it cost and the rest go into the folder of the request, one set a rank.
    """
    if contest.profile.get("nvtx"):
        return under_nvtx(contest)
    place = Path(contest.profile["folder"])
    place.mkdir(parents=True, exist_ok=True)
    opened, stepping = _open(contest)
    plain_s, profiled_s, events = _in_turns(contest, stepping)
    rank = dist.get_rank() if contest.setting.ranks > 1 else 0
    kept, dropped, within_us = fitting([*opened, *events], trace.MOST_EVENTS)
    trace.write(folder.trace_path(place, rank), kept, rank)
    memory, without = _in_depth(contest, stepping, place, rank)
    operators = {str(e["name"]) for e in kept if e.get("cat") == "cpu_op"}
    facts = Facts(
        rank,
        contest.setting.ranks,
        contest.case.device,
        plain_s,
        profiled_s,
        phases=stepping.phases,
        parts=stepping.parts,
        composite=dispatcher.made_of_others(operators),
        views=dispatcher.views(operators),
        dropped=dropped,
        dropped_within_s=within_us * 1e-6,
        memory=memory,
        without=without,
    )
    write_whole(folder.facts_path(place, rank), json.dumps(asdict(facts)).encode() + b"\n")
    return Result(labels={"profiler_cost": f"{facts.cost:.3f}"})


def under_nvtx(contest: Contest) -> Result:
    """Take a few steps in ranges that NVIDIA's own profilers see; they watch from outside."""
    if contest.setting.device.type != "cuda":
        raise Unsupported("NVTX ranges are for a GPU: Nsight has nothing to see on a CPU")
    stepping = Stepping(contest)
    stepping.first()
    stepping.learn()
    torch.cuda.profiler.start()
    with torch.autograd.profiler.emit_nvtx(record_shapes=True):
        for _ in range(int(contest.profile.get("steps", 3))):
            stepping.take()
    torch.cuda.profiler.stop()
    return Result()


def _open(contest: Contest) -> tuple[Events, Stepping]:
    """End the profile of set-up with inputs and a first call; learn the names of phases."""
    assert contest.opening is not None
    with contest.opening.first("inputs"):
        stepping = Stepping(contest)
    with contest.opening.first("first call"):
        stepping.first()
    opened = contest.opening.close()
    stepping.learn()
    return opened, stepping


def _in_turns(contest: Contest, stepping: Stepping) -> tuple[list[float], list[float], Events]:
    """Take steps without the profiler, with it, and without again."""
    plain_s = [stepping.take() for _ in range(2)]
    with recorded(contest.case.device, record_shapes=True, profile_memory=True) as probe:
        stepping.take()
    wanted = int(STEPS_S / max(median(plain_s), 1e-9))
    room = trace.MOST_EVENTS // max(num_events(probe), 1)
    steps = stepping.agreed(max(min(wanted, room, MOST_STEPS), 1))
    plain_s = [stepping.take() for _ in range(steps)]
    with recorded(contest.case.device, record_shapes=True, profile_memory=True) as profiler:
        stepping.take()  # the first is slower: a profiler that has just begun allocates
        profiled_s = [stepping.take(shown=True) for _ in range(steps)]
    plain_s += [stepping.take() for _ in range(steps)]
    return plain_s, profiled_s, events_of(profiler)


def _in_depth(
    contest: Contest, stepping: Stepping, place: Path, rank: int
) -> tuple[MemoryOverTime, dict[str, str]]:
    """Take one more step for stacks and for memory by category, and one for CUDA's allocator."""
    asked = {"record_shapes": True, "profile_memory": True, "with_stack": True}
    with recorded(contest.case.device, **asked) as profiler:
        stepping.take(shown=True)
    if contest.setting.device.type == "cuda":
        start_history()
        stepping.take()
        save_history(folder.snapshot_path(place, rank))
    if (seen := num_events(profiler)) > MOST_IN_DEPTH:
        why = f"a step has {seen} calls and operators, more than {MOST_IN_DEPTH}"
        return MemoryOverTime(), {"stacks and memory by category": why}
    plain, epoch_us = exported(profiler)
    events = list(trace.events_of(python_names(plain)))
    stacks = speedscope(events, f"{contest.case.variant}, rank {rank}")
    write_whole(folder.flame_path(place, rank), json.dumps(stacks).encode())
    begun_s = next(event.start_s for event in events if event.name == trace.STEP)
    try:
        return memory_over_time(profiler, contest.case.device, epoch_us + begun_s * 1e6), {}
    except Exception as error:  # torch's own account of a graph that it does not understand
        why = f"{type(error).__name__}: {error}"[:200]
        return MemoryOverTime(), {"memory by category": why}
