"""Contest: a case brought to life in a worker, ready for one role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bench.case import Case
from bench.discover import find_variant, load_module, source_hash
from bench.phases import Phases
from bench.problem import Call, Problem
from bench.setting import Setting
from bench.state import Kept


@dataclass(frozen=True)
class Contest:
    """A problem, a variant set up for it, and the call between them that a role exercises."""

    case: Case
    problem: Problem
    setting: Setting
    built: Any
    step: Callable[[Any], Any]
    call: Call
    num_input_sets: int = 2
    share_s: float = 0.25
    seed: int = 0
    fingerprints: list[list[list[float]]] = field(default_factory=list)
    tolerances: list[tuple[float, float]] = field(default_factory=list)

    def input_sets(self) -> list[Any]:
        """Draw the sets of inputs that rotate through the step, one seed each."""
        return [self.problem.make_inputs(seed, self.setting) for seed in range(self.num_input_sets)]

    @property
    def phases(self) -> Phases | None:
        """Return the step as phases, where the variant tells them apart."""
        return self.step if isinstance(self.step, Phases) else None

    @property
    def stateful(self) -> bool:
        """Say whether a call changes what the next one returns."""
        return hasattr(self.built, "reset")

    def reset(self) -> None:
        """Restore a stateful step; a pure one has nothing to restore."""
        getattr(self.built, "reset", _nothing)()

    def verify(self, inputs: Any) -> dict[str, str]:
        """Let the variant prove that what it promises really runs; raises `Unsupported`.

        Returns what it labels itself with.
        """
        return getattr(self.built, "verify", _nothing)(inputs) or {}


def prepare(case: Case, request: dict[str, Any], kept: Kept) -> Contest:
    """Load the variant and its problem and set them up; untimed. Both must keep the state."""
    module = load_module(case.module)
    kept.imported()
    variant = find_variant(module, case.variant, case.problem)
    if case.source_hash not in ("", source_hash(variant)):
        raise RuntimeError(f"{case.module} changed after its cases were listed; start a new run")
    problem = variant.problem_type(**case.values)
    setting = Setting.of(case)
    built = variant.build(problem, setting, case.options)
    kept.built(variant.sets)
    step = Phases(built) if hasattr(built, "phases") else getattr(built, "step", built)
    extras = {
        name: request[name]
        for name in ("num_input_sets", "share_s", "seed", "fingerprints", "tolerances")
        if name in request
    }
    return Contest(case, problem, setting, built, step, problem.call(step, setting), **extras)


def outputs_of(call: Call, inputs: Any) -> tuple[Tensor, ...]:
    """Run the call once and return its outputs, detached."""
    return tuple(output.detach() for output in call(inputs))


def synchronize(setting: Setting) -> None:
    """Wait until the device has finished; a CPU always has."""
    if setting.device.type == "cuda":
        torch.cuda.synchronize(setting.device)


def _nothing(*_: Any) -> None:
    return None
