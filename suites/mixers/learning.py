"""Learning: a small model of a mixer's layers learns a task; a step's time, and what it learns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Call, Incorrect, Measurement, Phases, Plain, Setting, Unsupported, Verdict
from bench.workload import Budget, Realisation, nudge_weights, realise
from suites.mixers.mixing import Build, Contestant, Mixing, made, sizes_of
from suites.mixers.model import Model

# Every option pinned, and the same for all mixers.
LEARNING_RATE = 1e-2
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.01
WARM_UP = 0.1  # of all steps; from its end the rate falls to 0 along a line
LARGEST_GRADIENT = 1.0  # in L2, of all parameters
BATCHES_APART = 1_000_000  # batches of one seed never meet those of another
LAST = 10  # steps whose mean is called the final loss
NOTHING = -100  # the target where nothing is asked
OUTPUT_FACTOR, GRADIENT_FACTOR = 2.0, 3.0
MOST_REALISATIONS = 4
NUM_TESTS = 8  # batches on which accuracy is taken


class Batch(NamedTuple):
    """Tokens (B, S) and what should follow each (B, S), int64; `NOTHING` is not asked."""

    tokens_BS: Tensor
    targets_BS: Tensor


class Learner:
    """A model, AdamW and a schedule; `reset` draws the weights of a seed."""

    def __init__(self, problem: Learning, build: Build, setting: Setting):
        self.problem, self.build, self.setting = problem, build, setting

    def reset(self, seed: int = 0) -> None:
        """Start over."""
        self.model = self.model_of(seed)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._share)

    def model_of(self, seed: int) -> Model:
        layers, vocab = self.problem.num_layers, self.problem.vocab_size
        model: Model = made(lambda: Model(self.build, layers, vocab), self.setting, seed)
        return model

    def phases(self, batch: Batch) -> Generator[str, None, Tensor]:
        """Take one step; returns the loss, a scalar."""
        loss = loss_of(self.model(batch.tokens_BS), batch)
        yield "forward"
        loss.backward()
        yield "backward"
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        yield "optimizer"
        return loss.detach()

    def step(self, batch: Batch) -> float:
        """Take a step at once; return its loss."""
        running = self.phases(batch)
        while True:
            try:
                next(running)
            except StopIteration as end:
                return float(end.value)

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """List the model states as they are now."""
        weights: list[Tensor] = list(self.model.parameters())
        states = [v for state in self.optimizer.state.values() for v in state.values()]
        return {
            "parameters": weights,
            "gradients": [w.grad for w in weights if w.grad is not None],
            "optimizer_state": [value for value in states if isinstance(value, Tensor)],
        }

    def _share(self, step: int) -> float:
        steps = self.problem.num_steps
        warm_up = max(WARM_UP * steps, 1)
        return min((step + 1) / warm_up, max(1 - step / steps, 0.0))


class LearningCall:
    """One step over a batch; returns its loss (1,), taken before the weights moved."""

    def __init__(self, step: Phases):
        self.step = step

    def __call__(self, batch: Batch) -> tuple[Tensor]:
        return (self.step(batch).reshape(1),)


@dataclass(frozen=True)
class Learning(Mixing):
    """Subclass with `draw` and `vocab_size`. Quality is taken after `num_steps` new batches.

    `accuracy_share` is the share of targets that are the most likely token, on batches that were
    never trained on.
    """

    batch: int = 16
    seqlen: int = 64
    width: int = 64
    num_heads: int = 4
    num_layers: int = 2
    num_steps: int = 100

    passes: ClassVar[tuple[str, ...]] = ("train",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    preload: ClassVar[tuple[str, ...]] = ("torch._dynamo", "pydoc_data.topics")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "seqlen": 16, "width": 16, "num_heads": 2},
    )
    vocab_size: ClassVar[int]

    def __post_init__(self) -> None:
        self.expect_sizes("batch", "num_layers", "num_steps")

    @property
    def length(self) -> int:
        return self.seqlen

    @abstractmethod
    def draw(self, seed: int) -> Batch:
        """Draw a batch on CPU."""

    def ask(self, build: Build, setting: Setting, compiled: bool = False) -> Contestant:
        if compiled:
            raise Unsupported("is trained as it is; compiled is asked of Layer")
        return Learner(self, build, setting)

    def make_inputs(self, seed: int, setting: Setting) -> Batch:
        return Batch(*(tensor.to(setting.device) for tensor in self.draw(seed)))

    def call(self, step: Any, setting: Setting) -> Call:
        return LearningCall(step)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"tokens": self.batch * self.seqlen}

    def account(self, built: Learner, inputs: Batch, setting: Setting) -> list[Measurement]:
        """Count one layer's parameters, and its FLOPs by formula."""
        return sizes_of(built.build(), self.seqlen)

    def check(self, call: Call, inputs: Batch, setting: Setting) -> Verdict:
        """Hold logits and gradients of a first step to layers as defined, in float64."""
        assert isinstance(call, LearningCall)
        return check(call.step.built, inputs, setting)

    def quality_calls(self, setting: Setting) -> int:
        return self.num_steps + NUM_TESTS

    def quality(self, built: Learner, seed: int, setting: Setting) -> list[Measurement]:
        """Train, then test."""
        built.reset(seed)
        first = BATCHES_APART * (seed + 1)
        losses = [
            built.step(self.make_inputs(first + number, setting))
            for number in range(self.num_steps)
        ]
        final = sum(losses[-LAST:]) / len(losses[-LAST:])
        return [
            Measurement("loss", "1", losses),
            Measurement("final_loss", "1", [final]),
            Measurement("accuracy_share", "1", [self._accuracy(built, first, setting)]),
        ]

    def _accuracy(self, built: Learner, first: int, setting: Setting) -> float:
        right = asked = 0
        for number in range(NUM_TESTS):
            batch = self.make_inputs(first + BATCHES_APART // 2 + number, setting)
            with torch.no_grad():
                guessed_BS = built.model(batch.tokens_BS).argmax(-1)
            here = batch.targets_BS != NOTHING
            right += int((guessed_BS == batch.targets_BS)[here].sum())
            asked += int(here.sum())
        return right / asked


def loss_of(logits_BSV: Tensor, batch: Batch) -> Tensor:
    """Average the cross-entropy over what is asked."""
    targets = batch.targets_BS.flatten()
    return F.cross_entropy(logits_BSV.flatten(0, 1), targets, ignore_index=NOTHING)


def check(learner: Learner, batch: Batch, setting: Setting) -> Verdict:
    """Hold a learner's first step to its model as defined, with weights moved by roundings."""
    learner.reset()
    got, running = learner.model(batch.tokens_BS).detach(), learner.phases(batch)
    while next(running) != "backward":
        pass
    gradient = torch.cat([_gradient_of(w).flatten() for w in learner.model.parameters()])

    def draw(number: int) -> Realisation:
        moved = nudge_weights(learner.model_of(0), setting.dtype, number)
        return Realisation(
            *(_defined(moved, batch, dtype) for dtype in (torch.float64, setting.dtype))
        )

    exact, plain = realise(draw, 0, most=MOST_REALISATIONS)
    found = [
        Budget.of(true, low, setting.dtype, factor, 2).judge(name, mine)
        for name, factor, mine, true, low in zip(
            ("out", "grad"),
            (OUTPUT_FACTOR, GRADIENT_FACTOR),
            (got, gradient),
            exact,
            plain,
            strict=True,
        )
    ]
    measurements = [m for error in found for m in error.measurements()]
    if bad := [error.describe() for error in found if not error.within]:
        raise Incorrect("; ".join(bad), measurements)
    rounding = torch.finfo(setting.dtype).eps
    scale = float(loss_of(exact[0], batch))
    return Verdict(measurements, [(64 * rounding * scale, 64 * rounding)])


def _gradient_of(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _defined(model: Any, batch: Batch, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return logits and the gradient of all parameters, as defined, in a dtype."""
    weights = {
        name: weight.detach().to(dtype).requires_grad_()
        for name, weight in model.named_parameters()
    }
    logits = model.definition(weights, batch.tokens_BS)
    gradients = torch.autograd.grad(
        loss_of(logits, batch), list(weights.values()), allow_unused=True
    )
    flat = [
        (torch.zeros_like(weight) if gradient is None else gradient).flatten()
        for gradient, weight in zip(gradients, weights.values(), strict=True)
    ]
    return logits.detach(), torch.cat(flat)
