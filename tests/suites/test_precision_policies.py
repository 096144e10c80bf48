"""Precision policies: the check can fail, losses repeat, what 16 bits lose is counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.cases.case import Case
from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.selecting.discover import load_module, module_names, variants_of
from bench.sides.server import Server
from suites.precision.accuracy import check
from suites.precision.learning import learn
from suites.precision.policy import Policy
from suites.precision.problem import GPTTraining
from suites.precision.storage import account
from suites.precision.training import Batch, Training
from tests.conftest import ServerFor

CPU = Setting(torch.float32, torch.device("cpu"), "train")
SMALL = GPTTraining(batch=2, seqlen=32, num_heads=2, dim=32, num_steps=12)


def faint(factor: float = 1e-9) -> Training:
    """Return a workload whose gradients are about `factor` everywhere.

    Its class is made here: at import, every policy would take it for one more workload to solve.
    """

    @dataclass(frozen=True)
    class Faint(Training):
        """A linear network with a scaled sum for a loss."""

        num_steps: int = 12
        factor: float = 1.0

        def network(self, seed: int) -> nn.Module:
            torch.manual_seed(seed)
            return nn.Linear(16, 16)

        def draw(self, seed: int) -> Batch:
            return (torch.randn(8, 16, generator=torch.Generator().manual_seed(seed)),)

        def output(self, network: nn.Module, batch: Batch) -> Tensor:
            return network(batch[0])

        def loss(self, output: Tensor, batch: Batch) -> Tensor:
            return self.factor * output.float().sum()

    return Faint(factor=factor)


def values(problem: Training, policy: Policy, seed: int = 0) -> dict[str, list[float]]:
    return {m.quantity: m.samples for m in learn(problem, policy, seed, CPU)}


@pytest.fixture
def server(server_for: ServerFor) -> Server:
    return server_for(Training.preload)


def test_every_policy_trains_every_workload() -> None:
    modules = [load_module(name) for name in module_names("suites.precision")]
    for found in filter(None, map(variants_of, modules)):
        solved = {variant.problem_type.__name__ for variant in found} - {"NumberFormat"}
        assert not solved or {"FineTuning", "GPTTraining", "UNetTraining"} <= solved


def test_losses_repeat_bit_for_bit_and_differ_between_seeds() -> None:
    policy = Policy(SMALL, CPU, compute=torch.bfloat16)
    first, again, other = (values(SMALL, policy, seed)["loss"] for seed in (0, 0, 1))
    assert first == again != other
    assert len(first) == SMALL.num_steps


def test_float32_has_no_gap_to_itself() -> None:
    found = values(SMALL, Policy(SMALL, CPU))
    assert found["loss_gap"] == [0.0]
    assert found["grad_lost_fraction"] == [0.0]
    assert "loss_scale" not in found


def test_an_honest_policy_passes_and_its_error_is_that_of_its_type() -> None:
    batch = SMALL.make_inputs(0, CPU)
    measured = {}
    for dtype in (torch.float32, torch.bfloat16):
        verdict = check(SMALL, Policy(SMALL, CPU, compute=dtype), batch, CPU)
        measured[dtype] = {m.quantity: m.samples[0] for m in verdict.measurements}
    assert measured[torch.float32]["grad_error_l2"] < 1e-5
    assert 1e-4 < measured[torch.bfloat16]["grad_error_l2"] < 1e-1


def test_a_gradient_that_is_not_unscaled_is_incorrect() -> None:
    class Forgets(Policy):
        def scale(self) -> float:
            return 1.0

    policy = Forgets(SMALL, CPU, compute=torch.float16, scaled=True)
    with pytest.raises(Incorrect, match="grad: relative L2 error"):
        check(SMALL, policy, SMALL.make_inputs(0, CPU), CPU)


def test_a_network_of_another_seed_is_incorrect() -> None:
    class OtherWeights(Policy):
        def reset(self, seed: int = 0) -> None:
            super().reset(seed + 1)

    with pytest.raises(Incorrect, match="out: relative L2 error"):
        check(SMALL, OtherWeights(SMALL, CPU), SMALL.make_inputs(0, CPU), CPU)


def test_float16_without_scaling_loses_faint_gradients_to_zero() -> None:
    unscaled = values(faint(), Policy(faint(), CPU, compute=torch.float16))
    scaled = values(faint(), Policy(faint(), CPU, compute=torch.float16, scaled=True))
    assert unscaled["grad_lost_fraction"][0] > 0.9
    assert scaled["grad_lost_fraction"] == [0.0]
    assert scaled["loss_scale"][0] >= 65536.0


def test_skipped_steps_are_counted_and_halve_the_scale() -> None:
    loud = faint(10.0)  # 10 x 2**16 x 8 is beyond float16
    found = values(loud, Policy(loud, CPU, compute=torch.float16, scaled=True))
    assert found["skipped_steps"][0] >= 1
    assert found["loss_scale"][0] == 65536.0 / 2 ** found["skipped_steps"][0]


def test_divergence_is_told_and_leaves_no_final_loss() -> None:
    blown = faint(1e38)
    found = values(blown, Policy(blown, CPU))
    assert found["diverged_at_step"][0] < blown.num_steps
    assert "final_loss" not in found
    assert "loss_gap" not in found


def test_bytes_by_kind_are_those_of_the_types() -> None:
    batch = SMALL.make_inputs(0, CPU)
    count = sum(p.numel() for p in SMALL.network(0).parameters())
    for dtype, each in ((torch.float32, 4), (torch.bfloat16, 2)):
        policy = Policy(SMALL, CPU, storage=dtype, compute=dtype)
        policy.reset()
        for _ in policy.phases(batch):  # after a first step the optimizer state is there
            pass
        found = {m.quantity: m.samples[0] for m in account(policy, batch)}
        assert found["parameters"] == found["gradients"] == each * count
        assert found["optimizer_state"] == pytest.approx(2 * each * count, rel=0.01)


def test_a_timed_step_tells_its_phases_and_what_it_saves(server, tmp_path: Path) -> None:
    case = Case(
        "precision",
        "fp32",
        "suites.precision.fp32",
        "GPTTraining",
        asdict(SMALL),
        pass_="train",
        quality_seeds=1,
    )
    request = {"case": asdict(case), "timeout_s": 60, "log": str(tmp_path / "log.txt")}
    checked = server.attempt({**request, "role": "check"})
    assert checked["outcome"] == "ok", checked
    held = {key: checked[key] for key in ("fingerprints", "tolerances")}
    timed = server.attempt({**request, "role": "time", "share_s": 0.1, **held})
    assert timed["outcome"] == "ok", timed
    samples = {m["quantity"]: m["samples"] for m in timed["measurements"]}
    assert {"forward", "backward", "optimizer"} <= samples.keys()
    assert len(samples["forward"]) == len(samples["time"])
    memory = server.attempt({**request, "role": "memory"})
    found = {m["quantity"]: m["samples"][0] for m in memory["measurements"]}
    assert found["peak"] > found["parameters"] + found["optimizer_state"] + found["activations"]
    assert found["activations"] > 0


def test_float16_convolutions_on_a_cpu_are_a_row_with_its_reason(server, tmp_path: Path) -> None:
    case = Case(
        "precision",
        "fp16_scaled",
        "suites.precision.fp16_scaled",
        "UNetTraining",
        {"batch": 2, "channels": 16, "num_steps": 2, "data": None},
        pass_="train",
    )
    reply = server.attempt(
        {"case": asdict(case), "role": "check", "timeout_s": 60, "log": str(tmp_path / "log.txt")}
    )
    assert reply["outcome"] == "unsupported"
    assert "float16 convolutions" in reply["detail"]


class Tagger(nn.Module):
    """Frozen embedding, an unused layer, an activation in place, whole numbers as targets."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16).requires_grad_(False)
        self.body = nn.Sequential(nn.Linear(16, 32), nn.ReLU(inplace=True), nn.Linear(32, 7))
        self.spare = nn.Linear(3, 3)

    def forward(self, tokens_BS: Tensor) -> Tensor:
        logits: Tensor = self.body(self.embed(tokens_BS).mean(1))
        return logits


def tagging() -> Training:
    """Return a workload of a network of which not everything is trained."""

    @dataclass(frozen=True)
    class Tagging(Training):
        batch: int = 8
        num_steps: int = 6

        def network(self, seed: int) -> nn.Module:
            torch.manual_seed(seed)
            return Tagger()

        def draw(self, seed: int) -> Batch:
            generator = torch.Generator().manual_seed(seed)
            tokens = torch.randint(50, (self.batch, 5), generator=generator)
            return tokens, torch.randint(7, (self.batch,), generator=generator)

        def output(self, network: nn.Module, batch: Batch) -> Tensor:
            logits: Tensor = network(batch[0])
            return logits

        def loss(self, output: Tensor, batch: Batch) -> Tensor:
            wide = torch.promote_types(output.dtype, torch.float32)
            return nn.functional.cross_entropy(output.to(wide), batch[1])

    return Tagging()


@pytest.mark.parametrize(
    "precision",
    [
        {},
        {"compute": torch.bfloat16},
        {"storage": torch.bfloat16, "compute": torch.bfloat16},
        {"compute": torch.float16, "scaled": True},
    ],
)
def test_frozen_and_unused_parameters_have_no_gradient_to_check(precision: dict[str, Any]) -> None:
    problem = tagging()
    policy = Policy(problem, CPU, **precision)
    for seed in range(4):
        check(problem, policy, problem.make_inputs(seed, CPU), CPU)
    measured = {m.quantity for m in problem.quality(policy, 0, CPU)}
    assert {"final_loss", "loss_gap", "grad_lost_fraction"} <= measured


def test_training_what_is_frozen_is_another_training() -> None:
    class Thawed(Policy):
        def reset(self, seed: int = 0) -> None:
            super().reset(seed)
            self.network.requires_grad_(True)

    problem = tagging()
    with pytest.raises(Incorrect, match="of parameters that are trained and used"):
        check(problem, Thawed(problem, CPU), problem.make_inputs(0, CPU), CPU)
