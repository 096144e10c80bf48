"""The nouns carry what comes: a stateful training step, and quality, through the same roles."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.sides.server import Server

TRAINING = '''
"""A training step with state, an untimed reset, and a loss that is its quality."""
from dataclasses import dataclass
import torch
from bench import Incorrect, Problem, variant
from bench.cases.case import Measurement
from bench.cases.problem import Verdict

@dataclass(frozen=True)
class Regression(Problem):
    """One SGD step on y = 2 x, weights (1,) starting at 0."""
    batch: int = 16
    passes = ("fwd_bwd",)

    def make_inputs(self, seed, setting):
        generator = torch.Generator(setting.device).manual_seed(seed)
        return torch.randn(self.batch, generator=generator, dtype=setting.dtype)

    def call(self, step, setting):
        return lambda inputs: (step(inputs),)

    def check(self, call, x, setting):
        (loss,) = call(x)
        expected = float(((2 * x.double()) ** 2).mean())
        if abs(float(loss) - expected) > 1e-5 * expected:
            raise Incorrect(f"first loss: expected {expected}, got {float(loss)}")
        error = Measurement("loss_error", "1", [abs(float(loss) - expected)])
        return Verdict([error], [(1e-4, 1e-4)])

    def quality(self, built, seed, setting):
        losses = [float(built.step(self.make_inputs(100 * seed + i, setting))) for i in range(50)]
        return [Measurement("loss", "1", losses)]

class Sgd:
    def __init__(self, lr):
        self.weight = torch.zeros(1, requires_grad=True)
        self.optimizer = torch.optim.SGD([self.weight], lr=lr)
        self.num_resets = 0

    def reset(self):
        self.num_resets += 1
        with torch.no_grad():
            self.weight.zero_()

    def step(self, x):
        loss = ((self.weight * x - 2 * x) ** 2).mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach().reshape(1)

@variant
def sgd(problem: Regression, *, lr: float = 0.1):
    return Sgd(lr)
'''


@pytest.fixture
def request_for(tmp_path: Path):
    (tmp_path / "training.py").write_text(TRAINING)
    case = Case(
        "training",
        "sgd",
        str(tmp_path / "training.py"),
        "Regression",
        {"batch": 16},
        pass_="fwd_bwd",
        options={"lr": 0.1},
        quality_seeds=2,
    )

    def make(role: str, **more: object) -> dict[str, object]:
        return {
            "case": asdict(case),
            "role": role,
            "timeout_s": 60,
            "log": str(tmp_path / "log.txt"),
            **more,
        }

    return make


def test_a_stateful_step_goes_through_every_role(server: Server, request_for) -> None:
    checked = server.attempt(request_for("check"))
    assert checked["outcome"] == "ok", checked
    again = server.attempt(request_for("check"))
    assert again["fingerprints"] == checked["fingerprints"]  # reset restores the start
    timed = server.attempt(
        request_for(
            "time",
            share_s=0.05,
            tolerances=checked["tolerances"],
            fingerprints=checked["fingerprints"],
        )
    )
    assert timed["outcome"] == "ok", timed
    assert {m["quantity"] for m in timed["measurements"]} >= {"first_call", "time"}
    memory = server.attempt(request_for("memory"))
    assert memory["measurements"][0]["samples"][0] > 0


def test_quality_is_measured_once_per_seed_and_repeats(server: Server, request_for) -> None:
    first = server.attempt(request_for("quality", seed=0))
    other = server.attempt(request_for("quality", seed=1))
    again = server.attempt(request_for("quality", seed=0))
    losses = first["measurements"][0]["samples"]
    assert len(losses) == 50
    assert losses[-1] < 0.01 * losses[0]
    assert again["measurements"] == first["measurements"]
    assert other["measurements"] != first["measurements"]
