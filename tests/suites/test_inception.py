"""Inception, whose features FID is a distance of: its layout, weights and input."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from suites.samplers.features import features_for
from suites.samplers.inception import Inception, load_inception, prepared
from tests.suites.on_cpu import MARKS

pytestmark = MARKS

TORCHVISION_PARAMETERS = 23_834_568  # of its Inception-v3 with 1000 classes and no auxiliary head


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(Inception().state_dict(), path)
    return path


def test_inception_has_the_published_layout() -> None:
    network = Inception()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == TORCHVISION_PARAMETERS + 8 * 2049  # 1008 classes in place of 1000
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["Mixed_6b.branch7x7dbl_3.conv.weight"] == (128, 128, 1, 7)
    assert shapes["Mixed_7c.branch3x3dbl_3b.conv.weight"] == (384, 384, 3, 1)
    assert shapes["Mixed_5b.branch_pool.bn.running_var"] == (32,)
    assert shapes["fc.weight"] == (1008, 2048)


def test_inception_weights_are_loaded(inception_file: Path, tmp_path: Path) -> None:
    extract = load_inception(str(inception_file))
    own = Inception()
    own.load_state_dict(torch.load(inception_file, weights_only=True))
    images = torch.rand(2, 1, 8, 8) * 2 - 1
    features = extract(images)
    assert features.shape == (2, 2048)
    assert torch.equal(features, own.eval()(images))
    torch.testing.assert_close(features, extract(images.expand(-1, 3, -1, -1)), rtol=1e-3, atol=0)
    older = torch.load(inception_file, weights_only=True)
    torch.save(
        {k: v for k, v in older.items() if not k.endswith("num_batches_tracked")},
        tmp_path / "old.pth",
    )
    assert torch.equal(features, load_inception(str(tmp_path / "old.pth"))(images))
    assert features_for((1, 8, 8), True, str(inception_file)).distance == "fid"


def test_inception_takes_images_as_fid_does() -> None:
    ramp = torch.linspace(-1, 1, 8).expand(1, 1, 8, 8)
    found = prepared(ramp)
    assert found.shape == (1, 3, 299, 299)
    assert float(found.min()) == -1
    assert float(found.max()) == 1
    with pytest.raises(ValueError, match="expected images of 1 or 3 channels, got 2"):
        prepared(torch.zeros(1, 2, 8, 8))


def test_files_that_are_not_inception_get_one_line(inception_file: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    weights = torch.load(inception_file, weights_only=True)
    torch.save({**weights, "fc.weight": torch.ones(1000, 2048)}, tmp_path / "classes.pth")
    for name, words in (
        ("text.pth", "a file torch cannot read"),
        ("list.pth", "got list"),
        ("other.pth", r"got one that lacks Conv2d_1a_3x3.bn.bias \(.* missing, 1 foreign\)"),
        ("classes.pth", r"fc.weight of shape \(1000, 2048\), not \(1008, 2048\)"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            load_inception(str(tmp_path / name))
        assert "\n" not in str(caught.value)
