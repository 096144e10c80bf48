"""The FID libraries' own networks and resizes, where they are installed, without their packages.

Their packages import all of torchvision, whose operators do not register with a CPU build of torch.
What is needed of it is its Inception alone, so a package is entered without its `__init__`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

HOW = "pip install --no-deps torch-fidelity pytorch-fid clean-fid torchvision"
PACKAGES = ("torch_fidelity", "pytorch_fid", "cleanfid", "torchvision")


def expect_installed() -> None:
    """Skip where a library is absent: torchvision cannot be asked for beside a CPU's torch."""
    if absent := [name for name in PACKAGES if find_spec(name) is None]:
        pytest.skip(f"not installed: {', '.join(absent)} ({HOW})")


def entered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make modules of the libraries importable for one test."""
    before = set(sys.modules)
    for name in (*PACKAGES, "torchvision.models"):
        _enter(monkeypatch, name)
    vision = sys.modules["torchvision"]
    vision.__version__ = "0.28.0"  # type: ignore[attr-defined]
    own = importlib.import_module("torchvision.models.inception")
    vision.models.inception, vision.models.inception_v3 = own, own.inception_v3
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in PACKAGES:
            monkeypatch.setitem(sys.modules, name, sys.modules[name])


def _enter(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spec = find_spec(name)
    assert spec is not None
    package = ModuleType(name)
    package.__path__, package.__spec__ = list(spec.submodule_search_locations or ()), spec
    monkeypatch.setitem(sys.modules, name, package)
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, package)


def torch_fidelity(levels: torch.Tensor, weights: Path) -> torch.Tensor:
    """Return torch-fidelity's features (n, 2048) of levels (n, 3, H, W)."""
    module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
    network = module.FeatureExtractorInceptionV3("own", ["2048"], str(weights))
    return network(levels)[0]


def pytorch_fid(levels: torch.Tensor, weights: Path) -> torch.Tensor:
    """Return pytorch-fid's features, of images in [0, 1] as its data set hands them over."""
    network = _ported("pytorch_fid.inception", weights).eval()
    return network(levels / 255)[0].flatten(1)


def clean_fid(levels: torch.Tensor, weights: Path) -> torch.Tensor:
    """Return clean-fid's features: its resize, and its wrapper around a traced network.

    What it wraps is a file from elsewhere; here the layers are its own port of the same graph.
    """
    resize = importlib.import_module("cleanfid.resize").build_resizer("clean")
    images = [resize(image.permute(1, 2, 0).numpy()) for image in levels]
    batch = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in images])
    wrapped = importlib.import_module("cleanfid.inception_torchscript").InceptionV3W
    ported = _ported(
        "cleanfid.inception_pytorch", weights, resize_input=False, normalize_input=False
    )
    layers = torch.jit.trace(torch.nn.Sequential(*ported.blocks), batch[:1])
    torch.jit.script(_Layers(layers)).save(str(weights.parent / "inception-2015-12-05.pt"))
    return wrapped(str(weights.parent), download=False)(batch)


class _Layers(torch.nn.Module):
    """The shape of the file that clean-fid fetches: its network is called `layers`."""

    def __init__(self, layers: torch.nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def _ported(module: str, weights: Path, **options: bool) -> Any:
    """Build a port of the graph of 2015, with our weights in place of what it would fetch."""
    found: Any = importlib.import_module(module)
    kept = torch.load(weights, weights_only=True)
    found.load_state_dict_from_url = lambda *_, **__: kept
    return found.InceptionV3(**options).eval()
