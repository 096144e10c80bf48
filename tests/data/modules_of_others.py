"""Modules that others wrote, tiny: what a ModuleProblem takes as it is. Nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bench.module import ModuleProblem

VOCABULARY = 64
TINY_LM = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


class LanguageModel(ModuleProblem):
    """Token ids by keyword; logits and what is cached in a dataclass."""

    def example(self) -> dict[str, Any]:
        return {"input_ids": torch.randint(VOCABULARY, (2, 16))}


class OfHiddenStates(ModuleProblem):
    """A block on hidden states (2, 16, 32)."""

    def example(self) -> Any:
        return (torch.randn(2, 16, 32),)


@dataclass(frozen=True)
class Gpt2Block(OfHiddenStates):
    def module(self) -> nn.Module:
        from transformers import GPT2Config
        from transformers.models.gpt2.modeling_gpt2 import GPT2Block

        config = GPT2Config(n_embd=32, n_head=2, n_layer=1, attn_implementation="sdpa")
        return GPT2Block(config, layer_idx=0)


@dataclass(frozen=True)
class Llama(LanguageModel):
    def module(self) -> nn.Module:
        from transformers import LlamaConfig, LlamaForCausalLM

        return LlamaForCausalLM(LlamaConfig(**TINY_LM))


@dataclass(frozen=True)
class Mixtral(LanguageModel):
    def module(self) -> nn.Module:
        from transformers import MixtralConfig, MixtralForCausalLM

        return MixtralForCausalLM(
            MixtralConfig(**TINY_LM, num_local_experts=4, num_experts_per_tok=2)
        )


@dataclass(frozen=True)
class MambaMixer(OfHiddenStates):
    def module(self) -> nn.Module:
        from transformers import MambaConfig
        from transformers.models.mamba.modeling_mamba import MambaMixer as Mixer

        return Mixer(MambaConfig(hidden_size=32, state_size=8, num_hidden_layers=1), layer_idx=0)


@dataclass(frozen=True)
class Mamba2(LanguageModel):
    def module(self) -> nn.Module:
        from transformers import Mamba2Config, Mamba2ForCausalLM

        return Mamba2ForCausalLM(
            Mamba2Config(
                vocab_size=VOCABULARY,
                hidden_size=32,
                num_heads=4,
                head_dim=16,
                state_size=8,
                n_groups=1,
                chunk_size=8,
                num_hidden_layers=1,
            )
        )


@dataclass(frozen=True)
class VisionTransformer(ModuleProblem):
    def module(self) -> nn.Module:
        from transformers import ViTConfig, ViTModel

        return ViTModel(
            ViTConfig(
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                image_size=16,
                patch_size=4,
            )
        )

    def example(self) -> dict[str, Any]:
        return {"pixel_values": torch.randn(2, 3, 16, 16)}


@dataclass(frozen=True)
class UNet(ModuleProblem):
    def module(self) -> nn.Module:
        from diffusers import UNet2DModel

        return UNet2DModel(
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=8,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        )

    def example(self) -> dict[str, Any]:
        return {"sample": torch.randn(2, 3, 8, 8), "timestep": torch.tensor([3, 500])}


@dataclass(frozen=True)
class DiffusersAttention(OfHiddenStates):
    def module(self) -> nn.Module:
        from diffusers.models.attention import BasicTransformerBlock

        return BasicTransformerBlock(
            dim=32, num_attention_heads=2, attention_head_dim=16, cross_attention_dim=24
        )

    def example(self) -> dict[str, Any]:
        return {
            "hidden_states": torch.randn(2, 16, 32),
            "encoder_hidden_states": torch.randn(2, 7, 24),
        }


@dataclass(frozen=True)
class Dit(ModuleProblem):
    def module(self) -> nn.Module:
        from diffusers import DiTTransformer2DModel

        return DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=16,
            in_channels=4,
            out_channels=8,
            num_layers=1,
            sample_size=8,
            patch_size=2,
            norm_num_groups=4,
            num_embeds_ada_norm=10,
        )

    def example(self) -> dict[str, Any]:
        return {
            "hidden_states": torch.randn(2, 4, 8, 8),
            "timestep": torch.randint(1000, (2,)),
            "class_labels": torch.randint(10, (2,)),
        }


@dataclass(frozen=True)
class Sd3Block(ModuleProblem):
    def module(self) -> nn.Module:
        from diffusers.models.attention import JointTransformerBlock

        return JointTransformerBlock(dim=32, num_attention_heads=2, attention_head_dim=16)

    def example(self) -> dict[str, Any]:
        return {
            "hidden_states": torch.randn(2, 16, 32),
            "encoder_hidden_states": torch.randn(2, 7, 32),
            "temb": torch.randn(2, 32),
        }


@dataclass(frozen=True)
class Autoencoder(ModuleProblem):
    def module(self) -> nn.Module:
        from diffusers import AutoencoderKL

        return AutoencoderKL(block_out_channels=(8,), norm_num_groups=4, latent_channels=4)

    def example(self) -> dict[str, Any]:
        return {"sample": torch.randn(1, 3, 8, 8)}


@dataclass(frozen=True)
class Gru(OfHiddenStates):
    def module(self) -> nn.Module:
        return nn.GRU(32, 16, num_layers=2, batch_first=True)
