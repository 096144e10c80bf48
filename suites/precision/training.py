"""Training: any workload that a precision policy can train; and how its step is called."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from bench.case import DTYPES, Measurement
from bench.phases import Phases
from bench.problem import Call, Problem, Verdict
from bench.setting import Setting

Batch = tuple[Tensor, ...]


class TrainingCall:
    """One whole step over a batch; returns its loss (1,), taken before the weights moved."""

    def __init__(self, step: Phases):
        self.step = step

    def __call__(self, batch: Batch) -> tuple[Tensor]:
        return (self.step(batch).reshape(1),)


class Training(Problem):
    """Subclass as a frozen dataclass with `network`, `draw`, `output` and `loss`.

    Every policy trains every workload: forward, backward and AdamW, weights drawn by seed.
    `num_steps` is the length of the loss trajectory. `rows_apart` promises that a row of the output
    depends on that row of the batch alone (no batch norm): a reference may then take a large batch
    in pieces.
    """

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)  # of data and first weights; policies differ
    computes_in: ClassVar[tuple[str, ...]] = DTYPES
    # an optimizer's first step imports Dynamo, for half a second or more; the workloads' own files
    # and the text are a fifth of what an attempt costs beside its calls
    preload: ClassVar[tuple[str, ...]] = (
        "torch._dynamo",
        "pydoc_data.topics",
        "suites.precision.problems",
    )
    convolutional: ClassVar[bool] = False
    rows_apart: ClassVar[bool] = False
    num_steps: int

    @abstractmethod
    def network(self, seed: int) -> nn.Module:
        """Make the network on CPU in float32; equal seeds give equal weights."""

    @abstractmethod
    def draw(self, seed: int) -> Batch:
        """Draw a batch on CPU; floating tensors in float32."""

    @abstractmethod
    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        """Run the network on a batch."""

    @abstractmethod
    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the loss of an output, a scalar in at least float32."""

    def make_inputs(self, seed: int, setting: Setting) -> Batch:
        """Draw a batch and bring it to the device."""
        return tuple(tensor.to(setting.device) for tensor in self.draw(seed))

    def call(self, step: Any, setting: Setting) -> Call:
        """Return one training step."""
        return TrainingCall(step)

    def check(self, call: Call, inputs: Batch, setting: Setting) -> Verdict:
        """Hold output and gradients of a first step to float64, within the policy's budget."""
        from suites.precision.accuracy import check

        assert isinstance(call, TrainingCall)
        return check(self, call.step.built, inputs, setting)

    def account(self, built: Any, inputs: Batch, setting: Setting) -> list[Measurement]:
        """Count the bytes a step holds after its backward pass, by kind."""
        from suites.precision.storage import account

        return account(built, inputs)

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Train for `num_steps`; return the losses, and how far they end from float32's."""
        from suites.precision.learning import learn

        return learn(self, built, seed, setting)

    def quality_calls(self, setting: Setting) -> int:
        """Count the steps of the policy, and of float32 beside it."""
        return 2 * self.num_steps

    def expect_positive(self, *names: str) -> None:
        """Raise ValueError where one of these fields is below 1."""
        for name in names:
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
