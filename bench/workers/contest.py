"""Contest: a case brought to life in a worker, ready for one role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from bench.cases.case import Case
from bench.cases.problem import Call, Problem
from bench.cases.setting import Setting
from bench.profiling.recording.opening import Opening
from bench.selecting.discover import find_variant, load_module, source_hash
from bench.state import Kept
from bench.state.ledger import Ledger
from bench.timing.phases import Phases
from bench.timing.sampling import MAX_SAMPLES

_ASKED = (
    "num_input_sets",
    "share_s",
    "most_samples",
    "seed",
    "fingerprints",
    "tolerances",
    "rewritten",
    "fresh_inputs",
    "profile",
)


@dataclass(frozen=True)
class Contest:
    """A problem, a variant set up for it, and the call between them that a role exercises.

    `fresh_inputs` says that calls change their inputs, and so get copies of them.
    """

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
    rewritten: list[int] = field(default_factory=list)
    fresh_inputs: bool = False
    profile: dict[str, Any] = field(default_factory=dict)  # where it goes, and which kind
    ledger: Ledger | None = None  # of all that was allocated since before set-up
    opening: Opening | None = None  # the profile of set-up, which goes on
    most_samples: int = MAX_SAMPLES

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

    def restart(self) -> None:
        """Restore the step, but not a training step told in phases: that goes on."""
        if self.phases is None:
            self.reset()

    def verify(self, inputs: Any) -> dict[str, str]:
        """Let the variant prove that what it promises really runs; raises `Unsupported`.

        Returns what it labels itself with.
        """
        given = self.problem.fresh(inputs) if self.fresh_inputs else inputs
        return getattr(self.built, "verify", _nothing)(given) or {}

    def outputs(self, inputs: Any) -> tuple[Tensor, ...]:
        """Run the call once and return its outputs: flat, and detached."""
        return self.problem.outputs(self.call(inputs), inputs)

    def sparing(self) -> Contest:
        """Return the contest with a call that copies its inputs first; for what is not timed."""
        call, fresh = self.call, self.problem.fresh
        return replace(self, call=lambda inputs: call(fresh(inputs)), fresh_inputs=True)


def prepare(case: Case, request: dict[str, Any], kept: Kept) -> Contest:
    """Load the variant and its problem and set them up; untimed. Both must keep the state."""
    module = load_module(case.module)
    variant = find_variant(module, case.variant, case.problem)  # may import its problem's rivals
    kept.imported()
    if case.source_hash and case.source_hash != source_hash(variant):
        raise RuntimeError(f"{case.module} changed after its cases were listed; start a new run")
    problem = variant.problem_type(**case.values)
    setting = Setting.of(case)
    built = variant.build(problem, setting, case.options)
    kept.built(variant.sets)
    step = Phases(built) if hasattr(built, "phases") else getattr(built, "step", built)
    extras = {name: request[name] for name in _ASKED if name in request}
    call = problem.call(step, setting)
    contest = Contest(case, problem, setting, built, step, call, **extras)
    timed = request.get("role") == "time"  # its rotation copies, outside of what is timed
    return contest.sparing() if contest.fresh_inputs and not timed else contest


def synchronize(setting: Setting) -> None:
    """Wait until the device has finished; a CPU always has."""
    if setting.device.type == "cuda":
        torch.cuda.synchronize(setting.device)


def _nothing(*_: Any) -> None:
    return None
