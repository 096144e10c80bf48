"""A user's own network from disk: read right, sampled from, and refused in one line."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.cases.setting import Setting
from suites.samplers.ddim import ddim
from suites.samplers.diffusers_model.schedule import Flow, Table, schedule_of
from suites.samplers.dpmpp_2m import dpmpp_2m
from suites.samplers.ground import load_ground
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import CPU, MARKS
from tests.suites.tiny_models import embeddings, save_conditional_unet, save_dit, save_unet

pytestmark = MARKS
SETTING = Setting(torch.float32, CPU)
WEIGHTS = "diffusion_pytorch_model.safetensors"
# what diffusers' own modules say of themselves when they are saved
KINDS = {"unet": save_unet, "conditional": save_conditional_unet, "dit": save_dit}
IMAGES = {"unet": (1, 8, 8), "conditional": (3, 8, 8), "dit": (3, 8, 8)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: save(folder / kind) for kind, save in KINDS.items()}


@pytest.fixture
def unet(saved: dict[str, Path], tmp_path: Path) -> Path:
    """Return a copy to be broken."""
    return Path(shutil.copytree(saved["unet"], tmp_path / "unet"))


def images(shape: tuple[int, ...], path: Path) -> str:
    np.save(path, np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8))
    return str(path)


# What it is


def alphas(config: Path) -> torch.Tensor:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return DDIMScheduler.from_pretrained(str(config)).alphas_cumprod.double()


@pytest.mark.parametrize("kind", KINDS)
def test_the_denoiser_is_what_diffusers_takes_the_images_to_be(
    kind: str, saved: dict[str, Path]
) -> None:
    """At every step of the table, `pred_original_sample` of diffusers' own DDIM step."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    ground = load_ground("model", None, str(saved[kind]))
    network = ground.folder.network  # type: ignore[attr-defined]
    denoise = ground.denoiser(torch.float32, CPU)
    scheduler = DDIMScheduler.from_pretrained(str(saved[kind] / "scheduler"), clip_sample=False)
    scheduler.set_timesteps(1000)
    x = torch.randn(2, *ground.shape, generator=torch.Generator().manual_seed(0))
    for step in (0, 250, 999):
        kept = float(scheduler.alphas_cumprod[step])
        state = x if kind != "conditional" else 0.7 * x
        predicted = raw(kind, network, state, step, saved[kind])
        theirs = scheduler.step(predicted, step, state).pred_original_sample
        sigma = math.sqrt((1 - kept) / kept)
        ours = denoise(state / math.sqrt(kept), sigma)
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * max(sigma, 1))


def raw(kind: str, network, x: torch.Tensor, step: int, folder: Path) -> torch.Tensor:
    if kind == "unet":
        return network(x, step).sample
    if kind == "dit":
        times, none = torch.tensor([step, step]), torch.tensor([4, 4])
        return network(x, times, class_labels=none).sample[:, :3]
    states = load_file(folder / "embeddings.safetensors")["encoder_hidden_states"]
    return network(x, step, encoder_hidden_states=states.expand(2, -1, -1)).sample


def test_classes_are_told_to_the_network(saved: dict[str, Path]) -> None:
    labels = torch.tensor([0, 2])
    for kind, num_classes in (("dit", 4), ("conditional", 3)):
        ground = load_ground("model", None, str(saved[kind]))
        assert ground.num_classes == num_classes
        x = torch.randn(1, *ground.shape).expand(2, -1, -1, -1)
        of_labels = ground.conditional(torch.float32, CPU)(x, 1.0, labels)
        of_none = ground.denoiser(torch.float32, CPU)(x, 1.0)
        torch.testing.assert_close(of_none[0], of_none[1])
        assert not torch.allclose(of_labels[0], of_labels[1], rtol=1e-4)
    plain = load_ground("model", None, str(saved["unet"]))
    with pytest.raises(ValueError, match="expected a network of classes"):
        plain.conditional(torch.float32, CPU)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
def test_a_prediction_of_the_truth_gives_the_truth(kind: str) -> None:
    """Of known data and noise, by the definition of each: v = alpha noise - sigma_z data."""
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    scheduler = DDPMScheduler(prediction_type=kind)
    schedule = schedule_of(dict(scheduler.config), "here")
    assert isinstance(schedule, Table)
    data, noise = torch.randn(2, 3, 1, 4, 4, dtype=torch.float64)
    for step in (0, 400, 999):
        kept = float(scheduler.alphas_cumprod[step])
        truth = {
            "epsilon": noise,
            "sample": data,
            "v_prediction": math.sqrt(kept) * noise - math.sqrt(1 - kept) * data,
        }[kind]
        sigma = math.sqrt((1 - kept) / kept)
        seen = []

        def predict(state: torch.Tensor, time: float, truth=truth, seen=seen) -> torch.Tensor:
            seen.append((state, time))
            return truth

        found = schedule.denoised(predict, data + sigma * noise, sigma)
        torch.testing.assert_close(found, data, rtol=1e-5, atol=1e-5)
        ((state, time),) = seen
        assert time == pytest.approx(step, abs=1e-3)
        expected = math.sqrt(kept) * data + math.sqrt(1 - kept) * noise
        torch.testing.assert_close(state, expected, rtol=1e-5, atol=1e-5)


def test_flow_is_a_straight_line() -> None:
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}
    schedule = schedule_of(config, "here")
    assert isinstance(schedule, Flow)
    data, noise = torch.randn(2, 3, 1, 4, 4, dtype=torch.float64)

    def predict(state: torch.Tensor, time: float) -> torch.Tensor:
        torch.testing.assert_close(state, 0.25 * data + 0.75 * noise)
        assert time == pytest.approx(750)
        return noise - data

    torch.testing.assert_close(schedule.denoised(predict, data + 3 * noise, 3.0), data)


def test_time_steps_are_read_between() -> None:
    schedule = schedule_of({"num_train_timesteps": 1000, "beta_schedule": "scaled_linear",
                            "prediction_type": "epsilon"}, "here")  # fmt: skip
    assert isinstance(schedule, Table)
    low, high = np.exp(schedule.log_sigmas[[500, 501]])
    assert schedule.time(math.sqrt(low * high)) == pytest.approx(500.5)
    assert schedule.time(1e-9) == 0
    assert schedule.time(1e9) == 999
    assert schedule.sigma_max == np.exp(schedule.log_sigmas[-1]) < 80
    zero = schedule_of({"num_train_timesteps": 1000, "beta_schedule": "linear",
                        "prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
                       "here")  # fmt: skip
    assert isinstance(zero, Table)
    assert np.isfinite(zero.log_sigmas).all()
    assert zero.sigma_max == 80


# What is made of it


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_measured(kind: str, saved: dict[str, Path], tmp_path: Path) -> None:
    """Noise begins where its table ends; latents are sampled, and images compared."""
    path = images(IMAGES[kind], tmp_path / "real.npy")
    asked = {"nfe": 5, "batch": 3, "num_images": 6, "model": str(saved[kind]), "data": path}
    problem = Sampling(ground="model", **asked)  # type: ignore[arg-type]
    problem.expect_files()
    assert problem.loaded.image_shape == IMAGES[kind]
    assert all(name.startswith("diffusers.models.") for name in problem.imports())
    for variant in (ddim, dpmpp_2m):
        sampler = variant.build(problem, SETTING, {})
        assert sampler.sigmas[0] == problem.loaded.sigma_max
        assert problem.check(
            problem.call(sampler, SETTING), problem.make_inputs(0, SETTING), SETTING
        )
        found = {m.quantity: m.samples for m in problem.quality(sampler, 0, SETTING)}
        assert found["fd_coordinates"][0] > 0
        assert len(found["sample_pixels"]) == 6 * math.prod(IMAGES[kind])


def test_latents_are_decoded_as_the_pipeline_does(saved: dict[str, Path]) -> None:
    ground = load_ground("model", None, str(saved["conditional"]))
    latents = torch.randn(9, *ground.shape)
    decoder = ground.folder.decoder  # type: ignore[attr-defined]
    expected = decoder.decode(latents / 0.5).sample
    torch.testing.assert_close(ground.decoded(latents), expected, rtol=1e-4, atol=1e-5)
    assert ground.sigma_max < 15  # scaled_linear of latent diffusion


def test_a_bare_model_folder_with_its_scheduler_is_enough(unet: Path) -> None:
    shutil.copy(unet / "scheduler" / "scheduler_config.json", unet / "unet")
    x = torch.randn(2, 1, 8, 8)
    found = [
        load_ground("model", None, str(path)).denoiser(torch.float32, CPU)(x, 1.0)
        for path in (unet, unet / "unet")
    ]
    assert torch.equal(*found)


def test_a_dit_is_read_as_it_was_once_saved(saved: dict[str, Path], tmp_path: Path) -> None:
    """Published ones carry the name of the class that DiT was part of."""
    folder = Path(shutil.copytree(saved["dit"], tmp_path / "dit"))
    edited(folder / "transformer/config.json", _class_name="Transformer2DModel")
    x = torch.randn(2, 3, 8, 8)
    one, other = (
        load_ground("model", None, str(path)).denoiser(torch.float32, CPU)(x, 1.0)
        for path in (saved["dit"], folder)
    )
    assert torch.equal(one, other)


# What is refused


def edited(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


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
    other = images((1, 6, 6), tmp_path / "other.npy")
    with pytest.raises(ValueError, match=r"expected images of shape \(1, 8, 8\), as the model dra"):
        Sampling(ground="model", model=folder, data=other).expect_files()
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="expected the folder of a diffusers pipeline or model"):
        Sampling(ground="model", model=str(tmp_path / "file")).expect_files()
