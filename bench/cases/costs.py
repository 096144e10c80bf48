"""What an attempt costs beside its samples: constants of one machine a class, until more is known.

Those of a CPU are medians of a smoke run on two cores with AVX-512, those of CUDA means of one on
an H200 beside sixteen cores; of ranks on GPUs (`ranks_s`) they are a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.cases.case import Case, Role

SERVER_START_S = 1.3
SERVER_CPU_S = 1.3  # of its processor, until it greets


@dataclass(frozen=True)
class Costs:
    """Seconds of a class of devices.

    `begin_s` comes before a run's first attempt, ceilings for most of it. `start_s` is a process
    from fork to end, on a GPU with its context; `ranks_s` comes to it where ranks start. `role_s`
    is inputs, set-up and what a role does once; `compiled_s` the first compilation of a case,
    `recompiled_s` that of a process which finds it in a cache. Calls are as long as their FLOPs
    at `flops_per_s`, a rate that float32 keeps up.
    """

    begin_s: float
    start_s: float
    ranks_s: float
    role_s: Mapping[Role, float]
    compiled_s: float
    recompiled_s: float
    flops_per_s: float
    filled_bytes_per_s: float  # of a call's peak, whatever is computed in it


CPU = Costs(
    begin_s=5.0,
    start_s=0.03,
    ranks_s=0.6,
    role_s={"check": 0.1, "fit": 0.2, "memory": 0.05, "profile": 2.0, "quality": 0.2, "time": 0.05},
    compiled_s=14.0,
    recompiled_s=3.0,
    flops_per_s=5e10,
    filled_bytes_per_s=5e9,
)
CUDA = Costs(
    begin_s=12.0,
    start_s=0.45,
    ranks_s=2.0,
    role_s={"check": 1.7, "fit": 1.8, "memory": 0.45, "profile": 4.0, "quality": 0.5, "time": 0.5},
    compiled_s=5.0,
    recompiled_s=1.5,
    flops_per_s=5e13,
    filled_bytes_per_s=5e11,
)
# Calls of a role beside its samples; a check's are mostly float64, on several realisations.
CALLS: Mapping[Role, int] = {"check": 20, "fit": 6, "memory": 4, "profile": 40, "time": 3}
FIT_PROCESSES = 6  # at most, of a search for the largest batch; it mostly takes three


def class_of(device: str) -> str:
    """Return the class of a device: `cpu` or `cuda`."""
    return device.partition(":")[0]


def costs_of(device: str) -> Costs:
    return CPU if class_of(device) == "cpu" else CUDA


def declared_s(case: Case, role: Role) -> float:
    """Return the seconds of an attempt beside its samples, from constants alone."""
    costs = costs_of(case.device)
    ranks_s = costs.ranks_s if case.ranks > 1 else 0.0
    return (
        costs.start_s
        + ranks_s
        + costs.role_s[role]
        + _compiling(case, role, costs)
        + _calls(case, role, costs)
        + (_filling_s(case, costs) if role == "fit" else 0.0)
    )


def declared_call_s(case: Case) -> float:
    """Return the seconds of a call, from its declared FLOPs alone; 0 where it declares none."""
    return (case.flops or 0) / costs_of(case.device).flops_per_s


def _filling_s(case: Case, costs: Costs) -> float:
    """Return what calls at the largest batch take, by the bytes that they write and read."""
    return CALLS["fit"] * (case.fit_bytes or 0) / costs.filled_bytes_per_s


def _compiling(case: Case, role: Role, costs: Costs) -> float:
    if not case.compiles:
        return 0.0
    return costs.compiled_s if role == "check" else costs.recompiled_s


def _calls(case: Case, role: Role, costs: Costs) -> float:
    calls = case.quality_calls if role == "quality" else CALLS[role]
    return calls * declared_call_s(case)
