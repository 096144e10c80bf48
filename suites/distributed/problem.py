"""What is asked: one AdamW step of a GPT over a global batch that N ranks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench import Call, Measurement, Phases, Setting, Verdict
from suites.distributed import accounting, agreement
from suites.distributed.workload import Batch, Workload, trajectory


@dataclass(frozen=True)
class DataParallelTraining(Workload):
    """Forward, backward and AdamW on a GPT; `batch` is global, whatever the number of ranks.

    `data` is a text file of the user's own. `loss_steps` is the length of the loss trajectory.
    """

    def call(self, step: Any, setting: Setting) -> Call:
        """Return a call that takes one step and returns this rank's loss (1,)."""
        return TrainingCall(step)

    def check(self, call: Call, inputs: Batch, setting: Setting) -> Verdict:
        """Hold losses and parameters after a few steps to one process at the global batch."""
        assert isinstance(call, TrainingCall)
        return agreement.check(self, call.strategy, inputs, setting)

    def account(self, built: Any, inputs: Batch, setting: Setting) -> list[Measurement]:
        """Count bytes by kind and traffic by collective, beside what was predicted."""
        return accounting.account(self, built, inputs, setting)

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Return the loss of the global batch, step by step."""
        return trajectory(self, built, seed, setting)


class TrainingCall:
    """One step as the instrument calls it; the check asks the strategy behind it for more."""

    def __init__(self, step: Phases):
        self.step = step

    def __call__(self, batch: Batch) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.step(batch)
        return outputs

    @property
    def strategy(self) -> Any:
        return self.step.built
