"""Read a folder as diffusers' `save_pretrained` writes it: from disk alone, safetensors alone."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

WEIGHTS = "diffusion_pytorch_model*.safetensors"
# where each class that can be read lies in diffusers; importing all of it takes seconds
NETWORKS = {
    "UNet2DModel": "diffusers.models.unets.unet_2d",
    "UNet2DConditionModel": "diffusers.models.unets.unet_2d_condition",
    "DiTTransformer2DModel": "diffusers.models.transformers.dit_transformer_2d",
    "Transformer2DModel": "diffusers.models.transformers.transformer_2d",  # DiT, as once saved
}
DECODERS = {
    "AutoencoderKL": "diffusers.models.autoencoders.autoencoder_kl",
    "VQModel": "diffusers.models.autoencoders.vq_model",
}
PARTS = {"network": ("unet", "transformer"), "decoder": ("vae", "vqvae")}


class Folder(NamedTuple):
    """A network, its scheduler's config, and the decoder of its latents where it has one."""

    path: Path
    network: Any
    scheduler: dict[str, Any]
    decoder: Any


def read_folder(path: Path) -> Folder:
    """Read all parts; ValueError with one line where one is missing or does not fit."""
    if not path.is_dir():
        raise ValueError(f"{path}: expected the folder of a diffusers pipeline or model")
    _expect_parts(path)
    network = load(_network(path), NETWORKS)
    decoder = _part(path, "decoder")
    return Folder(
        path, network, _scheduler(path), None if decoder is None else load(decoder, DECODERS)
    )


def load(folder: Path, known: dict[str, str]) -> nn.Module:
    """Load one model with all of its weights, float32, on the CPU."""
    name = read_config(folder / "config.json").get("_class_name")
    if name not in known:
        raise ValueError(
            f"{folder}/config.json: expected a _class_name of {', '.join(known)}, got {name}"
        )
    if not any(folder.glob(WEIGHTS)):
        raise ValueError(
            f"{folder}: expected weights in {WEIGHTS}, got none; save them with "
            "save_pretrained(..., safe_serialization=True)"
        )
    network, told = _from_disk(getattr(importlib.import_module(known[name]), name), folder)
    if odd := [f"{kind} {names[0]}" for kind, names in told.items() if names]:
        raise ValueError(f"{folder}: expected weights that fit config.json, got {', '.join(odd)}")
    return network.eval().requires_grad_(False)


def _from_disk(cls: Any, folder: Path) -> tuple[Any, dict[str, list[Any]]]:
    """Return the model and what diffusers found missing, unexpected or mismatched in the file."""
    try:
        found: tuple[Any, dict[str, Any]] = cls.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            low_cpu_mem_usage=False,
            torch_dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # of a config or a file: whatever its class's own code raises
        raise ValueError(
            f"{folder}: expected weights that fit config.json, got {_line(error)}"
        ) from error
    return found[0], {kind: sorted(map(str, names)) for kind, names in found[1].items()}


def read_config(file: Path) -> dict[str, Any]:
    """Read a config; ValueError where there is none, or no JSON object in it."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = "no such file" if isinstance(error, FileNotFoundError) else _line(error)
        raise ValueError(f"{file}: expected a config in JSON, got {what}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file}: expected a config in JSON, got {type(found).__name__}")
    return found


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _part(path: Path, kind: str) -> Path | None:
    return next((path / name for name in PARTS[kind] if (path / name).is_dir()), None)


def _network(path: Path) -> Path:
    found = _part(path, "network") or path
    if found == path and not (path / "config.json").is_file():
        expected = " or ".join(PARTS["network"])
        raise ValueError(
            f"{path}: expected a folder {expected} of a diffusers pipeline, or config.json of a "
            "model, got neither"
        )
    return found


def _expect_parts(path: Path) -> None:
    """Refuse a pipeline that lists a part which is not there: diffusers would make it anew."""
    if not (path / "model_index.json").is_file():
        return
    for name, where in read_config(path / "model_index.json").items():
        listed = name in (*PARTS["network"], *PARTS["decoder"]) and where and where[0]
        if listed and not (path / name).is_dir() and not (path / "config.json").is_file():
            raise ValueError(f"{path}: expected a folder {name}, which model_index.json lists")


def _scheduler(path: Path) -> dict[str, Any]:
    """Read the scheduler's config: it says what the network predicts, at which noise levels."""
    inside = path / "scheduler" / "scheduler_config.json"
    file = inside if inside.is_file() else path / "scheduler_config.json"
    if not file.is_file():
        raise ValueError(
            f"{path}: expected scheduler/scheduler_config.json, which says what the network "
            "predicts and at which noise levels; save its scheduler there"
        )
    return read_config(file)
