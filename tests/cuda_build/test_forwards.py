"""Forward passes on `cuda:0` without a card: no operator meets tensors of two devices.

What cannot be seen this way is skipped with its reason.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorDeviceMismatchError

import suites.models
from bench.cases.problem import Problem
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from suites.models import classes, digits_cnn, edm, mlp, noisy_classifier, two_towers, unet
from suites.models.gpt import GPTConfig, gpt
from suites.precision.training import Training
from suites.samplers import sid
from suites.samplers.ground import ground_names, load_ground
from suites.samplers.problem import Sampling
from tests.cuda_build.without_a_card import CARD, on_the_card, pretended
from tests.suites.test_variants import FOUND
from tests.suites.tiny_models import save_unet
from tests.suites.untrained import leave_untrained

pytestmark = [
    pytest.mark.cuda_build,
    pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning"),
]

NETWORKS: dict[str, Callable[[], tuple[nn.Module, tuple[Tensor, ...]]]] = {
    "gpt": lambda: (gpt(GPTConfig(2, 2, 32, 16), 0), (torch.zeros(2, 16, dtype=torch.long),)),
    "unet": lambda: (unet.UNet(1, (16, 32)), (torch.zeros(2, 1, 8, 8), torch.zeros(2))),
    "mlp": lambda: (mlp.Mlp((1, 8, 8), 32), (torch.zeros(2, 1, 8, 8), torch.zeros(2))),
    "classes": lambda: (
        classes.ClassMlp((1, 8, 8), 10, 32),
        (torch.zeros(2, 1, 8, 8), torch.zeros(2), torch.zeros(2, dtype=torch.long)),
    ),
    "noisy_classifier": lambda: (
        noisy_classifier.NoisyClassifier((1, 8, 8), 10, 32, 1, 0.5),
        (torch.zeros(2, 1, 8, 8), torch.ones(2)),
    ),
    "digits_cnn": lambda: (digits_cnn.DigitsCnn(), (torch.zeros(2, 1, 8, 8),)),
    "edm": lambda: (
        edm.Preconditioned(mlp.Mlp((4,), 32), 0.5),
        (torch.zeros(2, 4), torch.ones(2)),
    ),
    "two_towers": lambda: (
        two_towers.two_towers(8, 4, True, 0),
        (torch.zeros(2, 8), torch.zeros(2, 8)),
    ),
}

# Grounds of samplers that are unsupported on every example, by what they are marked with.
ELSEWHERE = {"skips": "unet", "resolution": "digits_mixture16"}

# torch's words where a step asks for more than shapes and devices, and what to say of it
ONLY_A_CARD_TELLS = {
    "Found no NVIDIA driver": "its set-up asks the card itself what it can do",
    "driver version is insufficient": "torch asks the card itself whether it has this kernel",
    "No available kernel": "torch asks the card itself whether it has this kernel",
    "no rule registered for HigherOrderOperator": "its kernel is compiled for the card itself",
    "hasPrimaryContext": "it goes backward, and autograd wants the card itself",
    "aten.equal.default": "its set-up looks at what the card itself computes",
}


def test_tensors_of_two_devices_are_found_out() -> None:
    with pretended(), pytest.raises(FakeTensorDeviceMismatchError):
        _ = torch.ones(2, device=CARD) + torch.ones(2)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_stays_on_its_device(name: str) -> None:
    network, inputs = NETWORKS[name]()
    with torch.no_grad(), pretended():
        found = network.to(CARD)(*(tensor.to(CARD) for tensor in inputs))
    assert all(map(on_the_card, found if isinstance(found, tuple) else (found,)))


def test_no_network_is_left_out() -> None:
    seen = {type(part) for build in NETWORKS.values() for part in build()[0].modules()}
    for info in pkgutil.iter_modules(suites.models.__path__, "suites.models."):
        for found in vars(importlib.import_module(info.name)).values():
            if isinstance(found, type) and issubclass(found, nn.Module):
                assert found in seen or found.__module__ != info.name


@pytest.mark.parametrize("name", ground_names())
def test_every_ground_denoises_on_its_device(name: str, untrained: None, tmp_path: Path) -> None:
    own = save_unet(tmp_path) if name == "model" else None
    ground = load_ground(name, model=own and str(own))
    with torch.no_grad(), pretended():
        denoise = ground.denoiser(torch.float32, CARD)
        x = torch.zeros(3, *ground.shape, device=CARD)
        assert on_the_card(denoise(x, 2.0))
        with contextlib.suppress(Unsupported):
            classify = ground.class_log_probabilities(torch.float32, CARD)
            assert on_the_card(classify(x, 2.0))


@pytest.mark.parametrize(("suite", "variant"), FOUND)
def test_every_variant_stays_on_its_device(suite: str, variant: Variant, untrained: None) -> None:
    problem, name = variant.problem_type, f"{suite}/{variant.name}"
    if 1 not in problem.ranks or variant.module.startswith("suites.distributed"):
        pytest.skip(f"{name}: needs ranks, and NCCL a card for each")
    if "fwd" not in problem.passes and not issubclass(problem, Training):
        pytest.skip(f"{name}: its step goes backward, and autograd wants the card itself")
    grounds = [ELSEWHERE[mark] for mark in variant.marks if mark in ELSEWHERE]
    others = [{"ground": ground, "nfe": 7, "batch": 4} for ground in grounds]
    posed = [problem(**values) for values in (*problem.examples, *others)]
    for one in posed if variant.provision else ():
        variant.provision(one, lambda *_: None)
    passes = [one for one in posed if passes_forward(variant, one)]
    if not passes and "one step" in variant.marks:
        pytest.skip(f"{name}: none of the examples asks for one evaluation; see below")
    if not passes and variant.lacking:
        pytest.skip(f"{name}: {variant.lacking}")
    if not passes and ("gpu" in variant.marks or contests_a_kind(variant)):
        pytest.skip(f"{name}: takes 16 bits or the card itself, or is not for this pattern")
    assert passes


def contests_a_kind(variant: Variant) -> bool:
    """Say whether a variant solves a problem for being of an abstract kind."""
    first = next(iter(inspect.signature(variant.function, eval_str=True).parameters.values()))
    return inspect.isabstract(first.annotation)


def test_a_distilled_generator_stays_on_its_device(untrained: None) -> None:
    assert passes_forward(sid.sid, Sampling(ground="mixture64", nfe=1, batch=4))


def passes_forward(variant: Variant, problem: Problem) -> bool:
    """Say whether a problem was solved on the card; False where it is not this variant's."""
    setting = Setting(getattr(torch, problem.dtypes[0]), CARD, problem.passes[0])
    with torch.set_grad_enabled(setting.pass_ != "fwd"), pretended():
        try:
            outputs = run(variant, problem, setting)
        except (RuntimeError, Unsupported) as error:
            for words, why in ONLY_A_CARD_TELLS.items():
                if words in str(error):
                    pytest.skip(f"{variant.name}: {why}")
            if isinstance(error, Unsupported):
                return False
            raise
    assert outputs
    assert all(map(on_the_card, outputs))
    return True


def run(variant: Variant, problem: Problem, setting: Setting) -> tuple[Tensor, ...]:
    """Set up and call; of a training step the forward pass alone."""
    inputs, built = problem.make_inputs(0, setting), variant.build(problem, setting, {})
    if isinstance(problem, Training):
        built.reset()
        return (built.output(inputs),)
    call = problem.call(getattr(built, "step", built), setting)
    return problem.outputs(call(inputs), inputs)


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let networks be as they are drawn: what they compute is not seen here."""
    leave_untrained(monkeypatch)
