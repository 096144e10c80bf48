"""A model's folder that cannot be used is refused in one line, which says where and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from suites.samplers.ground import load_ground
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import MARKS
from tests.suites.tiny_models import edited, embeddings, save_unet

pytestmark = MARKS
WEIGHTS = "diffusion_pytorch_model.safetensors"


def without(file: Path, name: str) -> None:
    kept = json.loads(file.read_text())
    del kept[name]
    file.write_text(json.dumps(kept))


def other_weights(file: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    kept = load_file(file)
    change(kept)
    save_file(kept, file)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda f: (f / "unet/config.json").unlink(),
            "config.json: expected a config in JSON, got no",
        ),
        (
            lambda f: (f / "unet/config.json").write_text("{"),
            "expected a config in JSON, got JSOND",
        ),
        (
            lambda f: (f / "unet/config.json").write_text("[]"),
            "expected a config in JSON, got list",
        ),
        (
            lambda f: edited(f / "unet/config.json", _class_name="FluxTransformer2DModel"),
            "expected a _class_name of UNet2DModel, .*, got FluxTransformer2DModel",
        ),
        (
            lambda f: edited(f / "unet/config.json", down_block_types=["Odd", "DownBlock2D"]),
            "expected weights that fit config.json, got ValueError",
        ),
        (
            lambda f: edited(f / "unet/config.json", block_out_channels=[16, 16]),
            "expected weights that fit config.json, got",
        ),
        (lambda f: edited(f / "unet/config.json", sample_size=None), "expected sample_size"),
        (lambda f: edited(f / "unet/config.json", out_channels=3), "expected weights that fit"),
        (lambda f: (f / "unet" / WEIGHTS).unlink(), "safetensors, got none; save them with"),
        (
            lambda f: (f / "unet" / WEIGHTS).write_bytes(b"no tensors"),
            "expected weights that fit config.json, got",
        ),
        (
            lambda f: other_weights(f / "unet" / WEIGHTS, lambda kept: kept.pop("conv_in.weight")),
            "expected weights that fit config.json, got missing_keys conv_in.weight",
        ),
        (
            lambda f: other_weights(
                f / "unet" / WEIGHTS, lambda kept: kept.update(odd=torch.ones(2))
            ),
            "expected weights that fit config.json, got unexpected_keys odd",
        ),
        (
            lambda f: shutil.rmtree(f / "unet"),
            "expected a folder unet or transformer of a diffusers",
        ),
        (lambda f: shutil.rmtree(f / "scheduler"), "expected scheduler/scheduler_config.json"),
        (
            lambda f: edited(f / "scheduler/scheduler_config.json", prediction_type="odd"),
            "expected prediction_type to be one of epsilon, .*, got odd",
        ),
        (
            lambda f: edited(f / "scheduler/scheduler_config.json", beta_schedule="odd"),
            "expected a schedule that diffusers knows",
        ),
        (
            lambda f: without(f / "scheduler/scheduler_config.json", "beta_schedule"),
            "expected beta_schedule, which tells the noise levels",
        ),
        (
            lambda f: without(f / "scheduler/scheduler_config.json", "num_train_timesteps"),
            "expected num_train_timesteps of at least 2, got None",
        ),
        (
            lambda f: (f / "model_index.json").write_text(
                '{"vae": ["diffusers", "AutoencoderKL"]}'
            ),
            "expected a folder vae, which model_index.json lists",
        ),
    ],
)
def test_a_broken_folder_gets_one_line(
    unet: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(unet)
    with pytest.raises(ValueError, match=words) as refused:
        load_ground("model", None, str(unet))
    assert "\n" not in str(refused.value)
    assert str(unet) in str(refused.value)


def test_embeddings_are_expected_as_they_are_asked_for(
    saved: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved["conditional"], tmp_path / "model"))
    file = folder / "embeddings.safetensors"
    save_file(embeddings(prompts=3), file)
    with pytest.raises(ValueError, match="to guide by, as class_hidden_states"):
        load_ground("model", None, str(folder))
    save_file({"odd": torch.ones(1)}, file)
    with pytest.raises(ValueError, match=r"shape \(1, length, 8\), got encoder_hidden_states none"):
        load_ground("model", None, str(folder))
    file.unlink()
    with pytest.raises(ValueError, match="got no such file; store what the text encoder gave"):
        load_ground("model", None, str(folder))


def test_a_network_of_classes_that_knows_no_other_is_refused(tmp_path: Path) -> None:
    folder = save_unet(tmp_path / "unet", num_class_embeds=10)
    with pytest.raises(ValueError, match="expected an unconditional UNet2DModel, got one of class"):
        load_ground("model", None, str(folder))


def test_a_model_and_its_ground_go_together(saved: dict[str, Path], tmp_path: Path) -> None:
    folder = str(saved["unet"])
    for values, words in (
        ({"model": folder}, "expected --model PATH and --set ground=model together, got model"),
        ({"ground": "model"}, "together, got no model and ground=model"),
        ({"ground": "model", "model": "nowhere"}, "model: expected the path of a file or folder"),
    ):
        with pytest.raises(ValueError, match=words):
            Sampling(**values)  # type: ignore[arg-type]
    alone = Sampling(ground="model", model=folder)
    with pytest.raises(ValueError, match="expected real images beside it, as --reference or --da"):
        alone.expect_files()
    other = str(tmp_path / "other.npy")
    np.save(other, np.random.default_rng(0).integers(0, 256, (20, 1, 6, 6), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"expected images of shape \(1, 8, 8\), as the model dra"):
        Sampling(ground="model", model=folder, data=other).expect_files()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="expected the folder of a diffusers pipeline or model"):
        Sampling(ground="model", model=str(tmp_path / "file")).expect_files()
