"""Tiny networks of diffusers, drawn from a seed and saved as a user's folder is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

EMBEDDED = 8  # of a text encoder that nobody has here


def save_unet(folder: Path, prediction: str = "epsilon", **config: Any) -> Path:
    """Save a pipeline of an unconditional U-Net over 1 x 8 x 8."""
    from diffusers.models.unets.unet_2d import UNet2DModel
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    torch.manual_seed(0)
    blocks = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2}
    sizes = {"sample_size": 8, "in_channels": 1, "out_channels": 1, "layers_per_block": 1}
    small = {"block_out_channels": [8, 8], "norm_num_groups": 4, "attention_head_dim": 8}
    UNet2DModel(**{**sizes, **small, **blocks, **config}).save_pretrained(folder / "unet")
    DDIMScheduler(prediction_type=prediction).save_pretrained(folder / "scheduler")
    return folder


def save_conditional_unet(folder: Path) -> Path:
    """Save a latent pipeline: a U-Net with stored embeddings, and a decoder from 4 to 8 pixels."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    torch.manual_seed(1)
    UNet2DConditionModel(
        sample_size=4,
        in_channels=2,
        out_channels=2,
        layers_per_block=1,
        block_out_channels=[8],
        norm_num_groups=4,
        down_block_types=["CrossAttnDownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D"],
        cross_attention_dim=EMBEDDED,
        attention_head_dim=4,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=2,
        block_out_channels=[8, 8],
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
        norm_num_groups=4,
        sample_size=8,
        scaling_factor=0.5,
    ).save_pretrained(folder / "vae")
    DDPMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    ).save_pretrained(folder / "scheduler")
    save_file(embeddings(), folder / "embeddings.safetensors")
    return folder


def embeddings(prompts: int = 1) -> dict[str, torch.Tensor]:
    """Draw what is stored of a text encoder: one prompt, and three to guide by."""
    return {
        "encoder_hidden_states": torch.randn(prompts, 5, EMBEDDED),
        "class_hidden_states": torch.randn(3, 5, EMBEDDED),
    }


def save_dit(folder: Path) -> Path:
    """Save a DiT over 3 x 8 x 8 with learned variance and four classes."""
    from diffusers.models.transformers.dit_transformer_2d import DiTTransformer2DModel
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    torch.manual_seed(2)
    DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=4,
        in_channels=3,
        out_channels=6,
        num_layers=1,
        norm_num_groups=4,
        sample_size=8,
        num_embeds_ada_norm=4,
    ).save_pretrained(folder / "transformer")
    DDIMScheduler().save_pretrained(folder / "scheduler")
    return folder


def edited(file: Path, **values: object) -> None:
    """Change values of a config."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


KINDS = {"unet": save_unet, "conditional": save_conditional_unet, "dit": save_dit}
