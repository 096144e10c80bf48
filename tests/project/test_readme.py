"""What the README and docs show to add is taken at its word: each example is a file that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from bench.sides.server import Server

ROOT = Path(__file__).resolve().parents[2]
SHOWN = [ROOT / "README.md", ROOT / "docs" / "adding.md"]
TEXT = "".join(page.read_text() for page in SHOWN)
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
EXAMPLES = [block for block in BLOCKS if "@variant" in block]
MODELS = [block for block in BLOCKS if "save_pretrained" in block]
SMALL = {
    "attention": ["seqlen=64", "num_heads=2"],
    "mixers": ["batch=2", "seqlen=24", "context=24", "width=16", "num_heads=2"],
    "precision": ["batch=2", "seqlen=32", "dim=32", "channels=16"],
    "distributed": ["batch=4", "seqlen=16", "dim=32", "ranks=2"],
    "samplers": ["ground=mixture2", "batch=4", "nfe=12"],
}


def test_there_is_an_example_for_every_suite() -> None:
    imported = " ".join(EXAMPLES)
    assert all(f"suites.{suite}." in imported for suite in SMALL)


@pytest.mark.parametrize(
    "source", EXAMPLES, ids=[re.findall(r"def (\w+)\(", b)[0] for b in EXAMPLES]
)
def test_an_example_is_found_in_its_suite_and_passes_its_check(
    source: str, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "example.py"
    path.write_text(source)
    suite = re.findall(r"suites\.(\w+)\.", source)[0]
    answer = server.list_cases(
        {
            "selectors": [str(path)],
            "suites": {name: f"suites.{name}" for name in SMALL},
            "sets": SMALL[suite],
            "files": {},
            "preset": "smoke",
            "device": "cpu",
        }
    )
    assert {case["suite"] for case in answer["cases"]} == {suite}
    reply = server.attempt(
        {
            "case": answer["cases"][0],
            "role": "check",
            "timeout_s": 120,
            "log": str(tmp_path / "log.txt"),
        }
    )
    assert reply["outcome"] == "ok", reply


@pytest.mark.parametrize("source", MODELS)
def test_a_model_that_is_shown_can_be_sampled_from(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suites.samplers.ground import load_ground

    monkeypatch.chdir(tmp_path)
    exec(compile(source, "example", "exec"), {})
    ground = load_ground("model", None, "my-model")
    x = torch.randn(2, *ground.shape)
    assert torch.isfinite(ground.denoiser(torch.float32, torch.device("cpu"))(x, 1.0)).all()
    (command,) = re.findall(r"`bench run (samplers --model .*?)`", TEXT)
    assert {"--model my-model", "--set ground=model"} <= set(re.findall(r"--\w+ [\w=-]+", command))
