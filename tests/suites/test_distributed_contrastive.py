"""CLIP and SigLIP over ranks: gradients are one process's, and memory and traffic as planned."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from bench.cases.case import Case
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.sides.server import Server
from suites.distributed.contrastive import ClipTraining, Contrastive, SiglipTraining
from suites.distributed.contrastive_alone import Alone
from suites.distributed.live_bytes import LiveBytes
from tests.conftest import ServerFor

PROBLEMS = {"clip": ClipTraining, "siglip": SiglipTraining}
WAYS = ("clip_gathered", "clip_local", "siglip_gathered", "siglip_ring")
VALUES = {"batch": 192, "features": 12, "embedding": 4, "loss_steps": 3}
FLOAT32 = Setting(torch.float32, torch.device("cpu"), "train")


@pytest.fixture
def server(server_for: ServerFor) -> Server:
    return server_for(Contrastive.preload)


def attempt(server: Server, folder: Path, name: str, role: str, ranks: int, **more: object) -> dict:
    wrong = {"loses_gradients": "siglip", "local_negatives": "siglip"}
    kind = wrong.get(name, name.partition("_")[0] if name in (*WAYS, "clip_alone") else "clip")
    module = f"suites.distributed.{'contrastive_alone' if name.endswith('alone') else name}"
    if name not in WAYS and not name.endswith("alone"):
        module = "tests.suites.wrong_contrastive"
    problem = PROBLEMS[kind].__name__
    case = Case("distributed", name, module, problem, dict(VALUES), pass_="train", ranks=ranks)
    request = {"case": asdict(case), "role": role, "timeout_s": 120, **more}
    return server.attempt({**request, "log": str(folder / "log.txt")})


@pytest.mark.multirank
@pytest.mark.parametrize("name", ["loses_gradients", "local_negatives", "halves", "first_rows"])
def test_other_gradients_are_incorrect(name: str, server: Server, tmp_path: Path) -> None:
    reply = attempt(server, tmp_path, name, "check", 2)
    assert reply["outcome"] == "incorrect", reply


@pytest.mark.multirank
@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("ranks", [pytest.param(3, marks=pytest.mark.slow), 4])
def test_gradients_are_those_of_one_process(
    name: str, ranks: int, server: Server, tmp_path: Path
) -> None:
    reply = attempt(server, tmp_path, name, "check", ranks)
    assert reply["outcome"] == "ok", reply


@pytest.mark.multirank
@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("ranks", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_logits_and_traffic_are_as_planned(
    name: str, ranks: int, server: Server, tmp_path: Path
) -> None:
    reply = attempt(server, tmp_path, name, "memory", ranks)
    assert reply["outcome"] == "ok", reply
    found = {m["quantity"]: m["samples"][0] for m in reply["measurements"] if m["rank"] is None}
    own = VALUES["batch"] // ranks
    logits = {"clip_gathered": 192**2, "siglip_ring": own**2}.get(name, own * 192)
    assert found["logits"] == found["logits_engine"] == 4 * logits
    assert found["traffic_elements"] == found["traffic_engine_elements"]
    assert found["loss_peak"] >= found["logits"]
    if name == "siglip_ring":
        assert "all_gather_elements" not in found
        assert found["send_elements"] == 2 * (ranks - 1) * own * 4
        assert found["wire"] == pytest.approx(4 * found["send_elements"], abs=4096)


@pytest.mark.multirank
def test_losses_follow_one_process(server: Server, tmp_path: Path) -> None:
    def losses(name: str, ranks: int) -> list[float]:
        reply = attempt(server, tmp_path, name, "quality", ranks, seed=1)
        assert reply["outcome"] == "ok", reply
        return next(m["samples"] for m in reply["measurements"] if m["quantity"] == "loss")

    alone = losses("clip_alone", 1)
    assert losses("clip_local", 2) == pytest.approx(alone, rel=1e-5)
    assert alone[-1] < alone[0]


@pytest.mark.parametrize("kind", PROBLEMS.values())
def test_towers_train(kind: type[Contrastive]) -> None:
    problem = kind(batch=64, features=16, embedding=8)
    step = Alone(problem, FLOAT32)
    losses = [float(step.step(problem.make_inputs(seed, FLOAT32))) for seed in range(60)]
    assert losses[-1] < 0.8 * losses[0]
    step.reset()
    assert float(step.step(problem.make_inputs(0, FLOAT32))) == losses[0]


def test_siglips_loss_is_the_papers() -> None:
    """Sum log sigmoid(z (t x.y + b)) over all pairs one by one, as equation 1 has it."""
    problem = SiglipTraining(batch=5, features=6, embedding=3)
    with torch.no_grad():
        given = Alone(problem, FLOAT32).embed(problem.make_inputs(0, FLOAT32))
    total = 0.0
    for i, image in enumerate(given.images_BD):
        for j, text in enumerate(given.texts_BD):
            z = 1.0 if i == j else -1.0
            total -= float(torch.log(torch.sigmoid(z * (given.scale * image @ text + given.bias))))
    assert float(problem.loss(given)) == pytest.approx(total / 5, rel=1e-5)


def test_live_bytes_count_what_is_made_and_kept() -> None:
    outside = torch.ones(1000)
    with LiveBytes() as held:
        first = outside + 1
        second = first.view(10, 100) * 2
        del first
        outside.mul_(2)
        third = torch.zeros(10)
    assert held.peak == 8000
    assert held.live == 4000 + 40
    assert held.largest == 4000
    assert (second.shape, third.shape) == ((10, 100), (10,))


def test_a_batch_that_cannot_be_dealt_out_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="divisible by ranks, got 5 and 2"):
        ClipTraining(batch=5).make_inputs(0, Setting(torch.float32, torch.device("cpu"), ranks=2))
    with pytest.raises(ValueError, match="embedding of at least 1, got 0"):
        SiglipTraining(embedding=0)
