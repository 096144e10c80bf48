"""The memory role: the peak of live tensor bytes, and of the process's resident set."""

from __future__ import annotations

from typing import Any

from bench.checking.structure.compiled import Compiling
from bench.workers.contest import Contest
from bench.workers.roles.memory_on_cpu import followed_peak, peak_on_cpu
from bench.workers.roles.memory_on_cuda import peak_on_cuda
from bench.workers.roles.result import Result
from bench.workers.roles.structure import with_structure


def memory(contest: Contest) -> Result:
    """Measure a second call; the peak includes all that is alive then: inputs, weights, masks.

    A pure or restored step is measured from its start; a training step in its steady state, with
    the optimiser state of a first step alive. Several ranks account for what they hold and send;
    allocations on their communication threads cannot be followed, so they have no peak on a CPU.
    What a call does is recorded in another, after all of that.
    """
    inputs = contest.problem.make_inputs(0, contest.setting)
    compiling = _warmed(contest, inputs)
    if contest.setting.device.type == "cuda":
        result = peak_on_cuda(contest, inputs)
    else:
        result = peak_on_cpu(contest, inputs) if contest.ledger else Result()
    result.measurements.extend(contest.problem.account(contest.built, inputs, contest.setting))
    return with_structure(result, contest, inputs, compiling)


def peak(contest: Contest) -> Result:
    """Measure the peak of a second call, and nothing else."""
    inputs = contest.problem.make_inputs(0, contest.setting)
    _warmed(contest, inputs)
    if contest.setting.device.type == "cuda":
        return peak_on_cuda(contest, inputs)
    return followed_peak(contest, inputs)


def _warmed(contest: Contest, inputs: Any) -> Compiling:
    """Call once: what libraries and compilers allocate once is no part of a call."""
    contest.reset()
    contest.call(inputs)
    compiling = Compiling.so_far()
    contest.restart()
    return compiling
