"""Training: any workload that a precision policy can train; and how its step is called."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from bench import Call, Measurement, Phases, Setting, Verdict
from suites.precision import accuracy, learning, storage
from suites.precision.workload import Batch, Workload


class TrainingCall:
    """One whole step over a batch; returns its loss (1,), taken before the weights moved."""

    def __init__(self, step: Phases):
        self.step = step

    def __call__(self, batch: Batch) -> tuple[Tensor]:
        return (self.step(batch).reshape(1),)


class Training(Workload):
    """Subclass as a frozen dataclass with what a workload is made of, for every policy to train."""

    def call(self, step: Any, setting: Setting) -> Call:
        """Return one training step."""
        return TrainingCall(step)

    def check(self, call: Call, inputs: Batch, setting: Setting) -> Verdict:
        """Hold output and gradients of a first step to float64, within the policy's budget."""
        assert isinstance(call, TrainingCall)
        return accuracy.check(self, call.step.built, inputs, setting)

    def account(self, built: Any, inputs: Batch, setting: Setting) -> list[Measurement]:
        """Count the bytes a step holds after its backward pass, by kind."""
        return storage.account(built, inputs)

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Train for `num_steps`; return the losses, and how far they end from float32's."""
        return learning.learn(self, built, seed, setting)
