"""FID's features: pool 3 of the Inception-v3 of 2015, from weights the user has on disk.

The file is a torch state dict in the layout of the published port of the 2015 TensorFlow graph
(`pt_inception-2015-12-05-6726825d.pth`): torchvision's names, 1008 classes, no auxiliary head.
What images go through before it is `suites.samplers.preprocessing`'s.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suites.samplers.preprocessing import PAPERS, load_preprocessing

Size = int | tuple[int, int]

NUM_CLASSES = 1008
NUM_FEATURES = 2048
COUNTER = ".num_batches_tracked"  # of batch norm; older files have none, and nothing reads it
# what torch raises of a file that is damaged, or holds more than tensors
_UNREADABLE = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError),
    pickle.UnpicklingError,
)
EXPECTED = "expected a state dict of Inception-v3 (2015-12-05, 1008 classes)"


def load_inception(path: str, preprocessing: str = PAPERS) -> Callable[[Tensor], Tensor]:
    """Return the map from images (n, 1 or 3, H, W) in [-1, 1] to features (n, 2048), float32."""
    network, prepare = load_network(path), load_preprocessing(preprocessing).prepare
    return lambda images: network(prepare(images))


def load_network(path: str) -> Inception:
    """Return the network with the weights of the file; ValueError with one line where unfit."""
    with torch.device("meta"):  # its own weights would be drawn for seconds, and thrown away
        network = Inception()
    own = network.state_dict()
    try:
        kept = torch.load(os.path.expanduser(path), weights_only=True, map_location="cpu")
    except _UNREADABLE as error:
        raise ValueError(f"{path}: {EXPECTED}, got a file torch cannot read") from error
    _expect_layout(path, kept, own)
    counters = {name: torch.tensor(0) for name in own if name.endswith(COUNTER)}
    weights = {name: kept[name].float() for name in own.keys() - counters.keys()}
    network.load_state_dict({**weights, **counters}, assign=True)
    return network.eval().requires_grad_(False)


def _expect_layout(path: str, kept: object, own: dict[str, Tensor]) -> None:
    """Raise ValueError, naming the first difference, unless names and shapes are the network's."""
    if not isinstance(kept, dict):
        raise ValueError(f"{path}: {EXPECTED}, got {type(kept).__name__}")
    own = {name: tensor for name, tensor in own.items() if not name.endswith(COUNTER)}
    missing = sorted(own.keys() - kept.keys())
    foreign = sorted(n for n in kept.keys() - own.keys() if not str(n).endswith(COUNTER))
    if missing or foreign:
        what = f"lacks {missing[0]}" if missing else f"has {foreign[0]}"
        raise ValueError(
            f"{path}: {EXPECTED}, got one that {what} "
            f"({len(missing)} names missing, {len(foreign)} foreign)"
        )
    for name, tensor in own.items():
        found = kept[name]
        if not isinstance(found, Tensor) or found.shape != tensor.shape:
            got = f"of shape {tuple(found.shape)}" if isinstance(found, Tensor) else "no tensor"
            raise ValueError(f"{path}: {EXPECTED}, got {name} {got}, not {tuple(tensor.shape)}")
        if not bool(torch.isfinite(found).all()):
            raise ValueError(f"{path}: {EXPECTED}, got {name} with values that are not finite")


class Inception(nn.Module):
    """Inception-v3, Szegedy et al. 2016 (arXiv:1512.00567), as FID's 2015 graph computes it."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = (
            MixedA(192, 32),
            MixedA(256, 64),
            MixedA(288, 64),
        )
        self.Mixed_6a = MixedB(288)
        self.Mixed_6b, self.Mixed_6c = MixedC(768, 128), MixedC(768, 160)
        self.Mixed_6d, self.Mixed_6e = MixedC(768, 160), MixedC(768, 192)
        self.Mixed_7a = MixedD(768)
        self.Mixed_7b, self.Mixed_7c = MixedE(1280, _mean3), MixedE(2048, _max3)
        self.fc = nn.Linear(NUM_FEATURES, NUM_CLASSES)  # in the file, and not used

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (n, 2048) of prepared images (n, 3, 299, 299)."""
        x = self.Conv2d_1a_3x3(x)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(x))
        x = self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2))
        x = F.max_pool2d(self.Conv2d_4a_3x3(x), 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):
            x = getattr(self, f"Mixed_{name}")(x)
        return x.mean((2, 3))


class Convolution(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self, channels_in: int, channels: int, kernel: Size, stride: int = 1, padding: Size = 0
    ):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _row(channels_in: int, channels: int, size: int = 7) -> Convolution:
    return Convolution(channels_in, channels, (1, size), padding=(0, size // 2))


def _column(channels_in: int, channels: int, size: int = 7) -> Convolution:
    return Convolution(channels_in, channels, (size, 1), padding=(size // 2, 0))


def _mean3(x: Tensor) -> Tensor:
    """Average 3 x 3 neighbours; unlike torchvision's, the 2015 graph leaves the padding out."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _max3(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 1, 1)


class MixedA(nn.Module):
    """35 x 35: 1 x 1, 5 x 5 and two 3 x 3 beside a pool."""

    def __init__(self, channels: int, pooled: int):
        super().__init__()
        self.branch1x1 = Convolution(channels, 64, 1)
        self.branch5x5_1 = Convolution(channels, 48, 1)
        self.branch5x5_2 = Convolution(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Convolution(channels, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, padding=1)
        self.branch_pool = Convolution(channels, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_mean3(x))], 1)


class MixedB(nn.Module):
    """35 x 35 to 17 x 17."""

    def __init__(self, channels: int):
        super().__init__()
        self.branch3x3 = Convolution(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = Convolution(channels, 64, 1)
        self.branch3x3dbl_2 = Convolution(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Convolution(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class MixedC(nn.Module):
    """17 x 17: 7 x 7 as rows and columns."""

    def __init__(self, channels: int, inner: int):
        super().__init__()
        self.branch1x1 = Convolution(channels, 192, 1)
        self.branch7x7_1 = Convolution(channels, inner, 1)
        self.branch7x7_2 = _row(inner, inner)
        self.branch7x7_3 = _column(inner, 192)
        self.branch7x7dbl_1 = Convolution(channels, inner, 1)
        self.branch7x7dbl_2 = _column(inner, inner)
        self.branch7x7dbl_3 = _row(inner, inner)
        self.branch7x7dbl_4 = _column(inner, inner)
        self.branch7x7dbl_5 = _row(inner, 192)
        self.branch_pool = Convolution(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven, double = self.branch7x7_1(x), self.branch7x7dbl_1(x)
        for number in (2, 3):
            seven = getattr(self, f"branch7x7_{number}")(seven)
        for number in (2, 3, 4, 5):
            double = getattr(self, f"branch7x7dbl_{number}")(double)
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_mean3(x))], 1)


class MixedD(nn.Module):
    """17 x 17 to 8 x 8."""

    def __init__(self, channels: int):
        super().__init__()
        self.branch3x3_1 = Convolution(channels, 192, 1)
        self.branch3x3_2 = Convolution(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Convolution(channels, 192, 1)
        self.branch7x7x3_2 = _row(192, 192)
        self.branch7x7x3_3 = _column(192, 192)
        self.branch7x7x3_4 = Convolution(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        three = self.branch3x3_2(self.branch3x3_1(x))
        return torch.cat([three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, 2)], 1)


class MixedE(nn.Module):
    """8 x 8; the pool is an average in the first such block, and a maximum in the last."""

    def __init__(self, channels: int, pool: Callable[[Tensor], Tensor]):
        super().__init__()
        self.pool = pool
        self.branch1x1 = Convolution(channels, 320, 1)
        self.branch3x3_1 = Convolution(channels, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = _row(384, 384, 3), _column(384, 384, 3)
        self.branch3x3dbl_1 = Convolution(channels, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = _row(384, 384, 3), _column(384, 384, 3)
        self.branch_pool = Convolution(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(self.pool(x)),
        ]
        return torch.cat(parts, 1)
