"""Training steps and samplers, honest and with a fault each, held to their checks seed by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.cases.problem import Incorrect, Problem
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant, contestants
from bench.selecting.discover import load_module, module_names, variants_of
from bench.timing.phases import Phases
from suites.precision.policy import Policy
from suites.precision.problem import GPTTraining, UNetTraining
from suites.samplers.euler import euler
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler

CPU = torch.device("cpu")
WORKLOADS = (
    GPTTraining(batch=1, seqlen=16, num_layers=1, num_heads=2, dim=16),
    GPTTraining(batch=2, seqlen=32, num_heads=2, dim=32),
    GPTTraining(batch=4, seqlen=64, num_heads=4, dim=64),
    UNetTraining(batch=2, channels=8),
    UNetTraining(batch=4, channels=16),
)
SAMPLINGS = tuple(
    Sampling(ground=ground, nfe=nfe, batch=batch)
    for ground, batch in (("mixture2", 2), ("mixture64", 4), ("posterior", 4), ("posterior", 16))
    for nfe in (5, 12, 20)
)
Judged = tuple[str, str, str, float]  # side, implementation, kind, share of the budget


class ScaledGradient(Policy):
    """float32 whose gradients are 1 % too large."""

    def gradients(self) -> list[Tensor]:
        return [gradient * 1.01 for gradient in super().gradients()]


class OneGradientMissing(Policy):
    """float32 that gives one of its parameters no gradient."""

    def gradients(self) -> list[Tensor]:
        first, *others = super().gradients()
        return [torch.zeros_like(first), *others]


class OneGradientShifted(Policy):
    """float32 whose largest gradient lies one row too far."""

    def gradients(self) -> list[Tensor]:
        found = super().gradients()
        largest = max(range(len(found)), key=lambda i: found[i].numel())
        found[largest] = found[largest].roll(1, 0)
        return found


class Autocast(Policy):
    """Autocast to bfloat16, where float32 is promised."""

    def output(self, batch: tuple[Tensor, ...]) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.problem.output(self.network, batch).float()


WRONG_POLICIES = (ScaledGradient, OneGradientMissing, OneGradientShifted, Autocast)


def level_off_by_1_percent(sampler: Sampler) -> Sampler:
    """Take the middle step from a level that is 1 % too high."""
    solve, middle = sampler.solve, len(sampler.sigmas) // 2

    def wrong(denoise: Any, sigmas: list[float], x: Tensor, noise: Any) -> Tensor:
        moved = [s * 1.01 if i == middle else s for i, s in enumerate(sigmas)]
        return solve(denoise, moved, x, noise)

    sampler.solve = wrong
    return sampler


def last_step_left_out(sampler: Sampler) -> Sampler:
    """Stop one level early."""
    solve = sampler.solve

    def wrong(denoise: Any, sigmas: list[float], x: Tensor, noise: Any) -> Tensor:
        return solve(denoise, sigmas[:-1], x, noise)

    sampler.solve = wrong
    return sampler


def network_in_bfloat16(sampler: Sampler) -> Sampler:
    """Round what the network returns to bfloat16."""
    solve = sampler.solve

    def wrong(denoise: Any, sigmas: list[float], x: Tensor, noise: Any) -> Tensor:
        def rounded(y: Tensor, sigma: float) -> Tensor:
            found: Tensor = denoise(y, sigma)
            return found.bfloat16().to(y.dtype)

        return solve(rounded, sigmas, x, noise)

    sampler.solve = wrong
    return sampler


WRONG_SAMPLERS = (level_off_by_1_percent, last_step_left_out, network_in_bfloat16)


def training(seeds: range) -> Iterator[Judged]:
    """Judge every policy on every workload, and wrong ones, on batches of these seeds."""
    torch.set_grad_enabled(True)
    setting = Setting(torch.float32, CPU, "train")
    policies = {v.name: v for v in _found("suites.precision") if v.problem_type is GPTTraining}
    for workload in WORKLOADS:
        kind = type(workload).__name__
        for name, policy in policies.items():
            shares = _shares(workload, setting, partial(policy.build, workload, setting, {}), seeds)
            yield from (("honest", name, kind, share) for share in shares)
        for wrong in WRONG_POLICIES:
            shares = _shares(workload, setting, partial(wrong, workload, setting), seeds[:4])
            yield from (("planted", wrong.__name__, kind, share) for share in shares)


def sampling(seeds: range) -> Iterator[Judged]:
    """Judge every sampler on exact grounds, and wrong ones, on noise of these seeds."""
    torch.set_grad_enabled(False)
    setting = Setting(torch.float32, CPU)
    found = _found("suites.samplers")
    for problem in SAMPLINGS:
        for sampler in found:
            build = partial(sampler.build, problem, setting, {})
            shares = _shares(problem, setting, build, seeds)
            yield from (("honest", sampler.name, problem.ground, share) for share in shares)
        build = partial(euler.build, problem, setting, {})
        for wrong in WRONG_SAMPLERS:
            shares = _shares(problem, setting, partial(_applied, wrong, build), seeds[:4])
            yield from (("planted", wrong.__name__, problem.ground, share) for share in shares)


def _applied(wrong: Callable[[Sampler], Sampler], build: Callable[[], Sampler]) -> Sampler:
    return wrong(build())


def _found(suite: str) -> list[Variant]:
    modules = [load_module(name) for name in module_names(suite)]
    return [c for module in modules for v in variants_of(module) for c in contestants(v)]


def _shares(
    problem: Problem, setting: Setting, build: Callable[[], Any], seeds: range
) -> Iterator[float]:
    """Yield the worst share of its budget of each seed; nothing where it cannot run here."""
    try:
        built = build()
        step = Phases(built) if hasattr(built, "phases") else built
        call = problem.call(step, setting)
        for seed in seeds:
            try:
                found = problem.check(
                    call, problem.make_inputs(seed, setting), setting
                ).measurements
            except Incorrect as error:
                found = error.measurements
            shares = [m.samples[0] for m in found if m.quantity.endswith("_over_budget")]
            yield max(shares, default=float("inf"))
    except Unsupported:
        return
