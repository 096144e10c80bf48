"""A user's module and loss train under the policies, with every column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.cases.setting import Setting
from suites.precision.accuracy import check
from suites.precision.own import OwnTraining
from suites.precision.policy import Policy
from suites.precision.storage import account

CPU = Setting(torch.float32, torch.device("cpu"), "train")
POLICIES: list[dict[str, Any]] = [
    {},
    {"compute": torch.bfloat16},
    {"compute": torch.float16, "scaled": True},
]


def llama() -> OwnTraining:
    """Return a small LlamaForCausalLM; its class is made here, lest every policy takes it up."""
    transformers = pytest.importorskip("transformers")

    @dataclass(frozen=True)
    class Llama(OwnTraining):
        batch: int = 2
        num_steps: int = 3

        def build(self) -> nn.Module:
            config = transformers.LlamaConfig(
                vocab_size=64,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
            )
            return transformers.LlamaForCausalLM(config)

        def make_batch(self, seed: int) -> dict[str, Tensor]:
            generator = torch.Generator().manual_seed(seed)
            return {"input_ids": torch.randint(64, (self.batch, 16), generator=generator)}

        def loss(self, module: nn.Module, batch: dict[str, Tensor]) -> Tensor:
            return module(**batch, labels=batch["input_ids"]).loss

    return Llama()


def unet() -> OwnTraining:
    """Return a small UNet2DModel of diffusers, which predicts noise."""
    diffusers = pytest.importorskip("diffusers")

    @dataclass(frozen=True)
    class Denoiser(OwnTraining):
        batch: int = 2
        num_steps: int = 2
        convolutional = True

        def build(self) -> nn.Module:
            return diffusers.UNet2DModel(
                sample_size=8,
                in_channels=1,
                out_channels=1,
                block_out_channels=(32,),
                down_block_types=("DownBlock2D",),
                up_block_types=("UpBlock2D",),
                layers_per_block=1,
            )

        def make_batch(self, seed: int) -> tuple[Tensor, ...]:
            generator = torch.Generator().manual_seed(seed)
            noisy, noise = torch.randn(2, self.batch, 1, 8, 8, generator=generator)
            return noisy, torch.randint(1000, (self.batch,), generator=generator), noise

        def loss(self, module: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
            return (module(*batch[:2]).sample.float() - batch[2].float()).square().mean()

    return Denoiser()


@pytest.mark.parametrize("make", [llama, unet])
@pytest.mark.parametrize("precision", POLICIES, ids=["fp32", "bf16", "fp16"])
def test_a_library_s_network_trains_with_every_column(make: Any, precision: Any) -> None:
    problem = make()
    if problem.convolutional and precision.get("scaled"):
        pytest.skip("float16 convolutions are slow on a CPU")
    policy = Policy(problem, CPU, **precision)
    batch = problem.make_inputs(0, CPU)
    checked = check(problem, policy, batch, CPU)
    measured = [*checked.measurements, *problem.quality(policy, 0, CPU), *account(policy, batch)]
    found = {m.quantity for m in measured}
    assert {"grad_error_l2", "update_error_l2", "loss_gap", "weights_unchanged"} <= found
    assert {"parameters", "optimizer_state"} <= found
    assert any(name.startswith("gradient_octaves_") for name in found)


def test_a_wrong_gradient_of_ones_own_is_found() -> None:
    class Halved(Policy):
        def gradients(self) -> list[Tensor]:
            return [gradient / 2 for gradient in super().gradients()]

    problem = llama()
    from bench import Incorrect

    with pytest.raises(Incorrect, match="grad"):
        check(problem, Halved(problem, CPU), problem.make_inputs(0, CPU), CPU)
