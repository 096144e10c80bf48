"""A user's own network from disk: read right, and sampled from."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.cases.setting import Setting
from suites.samplers.ddim import ddim
from suites.samplers.diffusers_model.schedule import Flow, Table, schedule_of
from suites.samplers.dpmpp_2m import dpmpp_2m
from suites.samplers.ground import load_ground
from suites.samplers.problem import Sampling
from tests.suites.on_cpu import CPU, MARKS
from tests.suites.tiny_models import KINDS, edited

pytestmark = MARKS
SETTING = Setting(torch.float32, CPU)
IMAGES = {"unet": (1, 8, 8), "conditional": (3, 8, 8), "dit": (3, 8, 8)}


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
