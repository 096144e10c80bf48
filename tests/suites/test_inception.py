"""Inception, whose features FID is a distance of: its layout, weights and input."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from suites.samplers.features import features_for
from suites.samplers.inception import Inception, load_inception, load_network
from suites.samplers.preprocessing import PAPERS, load_preprocessing
from tests.suites.drawn_inception import write_inception
from tests.suites.on_cpu import MARKS

pytestmark = MARKS

TORCHVISION_PARAMETERS = 23_834_568  # of its Inception-v3 with 1000 classes and no auxiliary head


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inception(tmp_path_factory.mktemp("inception") / "weights.pth")


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
    own = Inception()
    own.load_state_dict(torch.load(inception_file, weights_only=True))
    images = torch.rand(2, 1, 8, 8) * 2 - 1
    features = load_inception(str(inception_file))(images)
    assert features.shape == (2, 2048)
    assert torch.equal(features, own.eval()(load_preprocessing(PAPERS).prepare(images)))
    older = torch.load(inception_file, weights_only=True)
    torch.save(
        {k: v for k, v in older.items() if not k.endswith("num_batches_tracked")},
        tmp_path / "old.pth",
    )
    small = torch.rand(2, 3, 75, 75)
    assert torch.equal(own(small), load_network(str(tmp_path / "old.pth"))(small))


def test_a_distance_says_which_fid_it_is(inception_file: Path) -> None:
    for preprocessing, distance in (
        (None, "fid"),
        ("tensorflow", "fid"),
        ("pytorch_fid", "fid_pytorch"),
        ("clean_fid", "fid_clean"),
    ):
        chosen = features_for((1, 8, 8), True, str(inception_file), preprocessing)
        assert chosen.distance == distance


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
