"""What mixers learn and memories keep: tasks are what they say, checks can fail, claims can too."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from bench.cases.case import Case
from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from suites.mixers.hippo import discrete, legendre, legs, legt
from suites.mixers.learning import NOTHING, check
from suites.mixers.memories import hippo_legs, hippo_legt
from suites.mixers.problem import AssociativeRecall, SelectiveCopying, TextLearning
from suites.mixers.reconstruction import Reconstruction
from suites.mixers.retnet import RetNet
from tests.conftest import ServerFor

CPU = Setting(torch.float32, torch.device("cpu"), "train")
SIGNALS = Reconstruction(batch=2, seqlen=256, num_coefficients=16, cycles=2.0)
TINY = {"batch": 2, "seqlen": 16, "width": 16, "num_heads": 2, "num_steps": 6}


def test_what_is_copied_is_what_was_read_in_order() -> None:
    batch = SelectiveCopying(**TINY, num_kept=3).make_inputs(0, CPU)
    for tokens, targets in zip(*batch, strict=True):
        assert tokens[:-3][tokens[:-3] < 16].tolist() == targets[-3:].tolist()
        assert (tokens[-3:] == 17).all()
        assert (targets[:-3] == NOTHING).all()


def test_what_is_recalled_is_the_value_that_followed_the_key() -> None:
    batch = AssociativeRecall(**TINY, num_pairs=4).make_inputs(3, CPU)
    for tokens, targets in zip(*batch, strict=True):
        value = dict(zip(tokens[:8:2].tolist(), tokens[1:8:2].tolist(), strict=True))
        assert [value[key] for key in tokens[8:].tolist()] == targets[8:].tolist()
        assert (targets[:8] == NOTHING).all()


def learner(problem: TextLearning):
    return problem.ask(lambda: RetNet(problem.width, problem.num_heads, chunk=8), CPU)


def test_losses_repeat_by_seed_and_fall() -> None:
    problem = TextLearning(**{**TINY, "num_steps": 30})
    first, again, other = (
        {m.quantity: m.samples for m in problem.quality(learner(problem), seed, CPU)}
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first["loss"] != other["loss"]
    assert first["loss"][-1] < first["loss"][0] - 0.5


def test_a_first_step_is_held_to_the_model_as_defined() -> None:
    problem = TextLearning(**TINY)
    built = learner(problem)
    verdict = check(built, problem.make_inputs(0, CPU), CPU)
    assert {m.quantity for m in verdict.measurements} >= {"out_error_l2", "grad_error_l2"}
    honest = built.phases

    def scaled(batch):
        for name in honest(batch):
            if name == "backward":
                built.model.head.weight.grad *= 1.01
            yield name

    built.phases = scaled
    with pytest.raises(Incorrect, match="grad: relative L2 error"):
        check(built, problem.make_inputs(0, CPU), CPU)


def test_a_timed_learning_step_tells_its_phases(server_for: ServerFor, tmp_path: Path) -> None:
    server = server_for(AssociativeRecall.preload)
    case = Case(
        "mixers",
        "lru",
        "suites.mixers.lru",
        "AssociativeRecall",
        asdict(AssociativeRecall(**TINY, num_pairs=4)),
        pass_="train",
        quality_seeds=1,
    )
    request = {"case": asdict(case), "timeout_s": 60, "log": str(tmp_path / "log.txt")}
    checked = server.attempt({**request, "role": "check"})
    assert checked["outcome"] == "ok", checked
    held = {key: checked[key] for key in ("fingerprints", "tolerances")}
    timed = server.attempt({**request, "role": "time", "share_s": 0.05, **held})
    assert timed["outcome"] == "ok", timed
    assert {"forward", "backward", "optimizer"} <= {m["quantity"] for m in timed["measurements"]}
    found = server.attempt({**request, "role": "quality"})
    measured = {m["quantity"]: m["samples"] for m in found["measurements"]}
    assert len(measured["loss"]) == TINY["num_steps"]
    assert 0 <= measured["accuracy_share"][0] <= 1


def test_hippo_keeps_a_constant_as_its_first_coefficient_alone() -> None:
    """For f = 1 both measures come to rest at c = (1, 0, …): A c + B = 0 there."""
    for a, b in (legs(8), legt(8)):
        rest = torch.zeros(8, dtype=torch.float64)
        rest[0] = 1.0
        assert (a @ rest + b).abs().max() < 1e-12


def test_legendre_polynomials_are_orthonormal() -> None:
    at = (torch.arange(20_000).double() + 0.5) / 10_000 - 1
    products = legendre(8, at).T @ legendre(8, at) / len(at)
    assert (products - torch.eye(8)).abs().max() < 1e-6


def test_rules_agree_as_steps_shrink() -> None:
    a, b = legs(6)
    gaps = []
    for step in (1e-2, 1e-3):
        steps = torch.tensor([step], dtype=torch.float64)
        (held, _), (bent, _) = (discrete(a, b, steps, rule) for rule in ("zoh", "bilinear"))
        gaps.append(float((held - bent).norm()))
    assert gaps[0] / gaps[1] == pytest.approx(1000, rel=0.2)  # third order in the step


@pytest.mark.parametrize("memory", [hippo_legs, hippo_legt])
@pytest.mark.parametrize("rule", ["bilinear", "zoh"])
def test_a_memory_tells_the_past_and_is_held_to_its_recurrence(memory, rule: str) -> None:
    setting = Setting(torch.float32, torch.device("cpu"))
    built = memory.build(SIGNALS, setting, {"rule": rule})
    measured = {m.quantity: m.samples for m in SIGNALS.quality(built, 0, setting)}
    assert measured["best_error"][0] < measured["error"][0] < 0.1
    inputs = SIGNALS.make_inputs(0, setting)
    SIGNALS.check(SIGNALS.call(built, setting), inputs, setting)
    built.b_SN = built.b_SN * 1.001
    with pytest.raises(Incorrect, match="out: relative L2 error"):
        SIGNALS.check(SIGNALS.call(built, setting), inputs, setting)
