"""What a format can hold, in octaves, and what it would lose of gradients. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOWEST, HIGHEST = -56, 17  # log2 of what is told apart: gradients of a loss lie within
NUM_OCTAVES = HIGHEST - LOWEST
GRADIENTS = "gradient_octaves_"
ACTIVATIONS = "activation_octaves_"


@dataclass(frozen=True)
class Range:
    """log2 of a format's smallest normal and subnormal number, and of the end of its range."""

    normal: int
    subnormal: int
    end: int

    def lost(self, shares: Sequence[float], log2_scale: int = 0) -> Lost:
        """Say what of gradients, by octave, a format loses once they are scaled."""
        zeros, octaves = shares[0], shares[1:]

        def between(low: int, high: int) -> float:
            first, last = (min(max(e - LOWEST - log2_scale, 0), NUM_OCTAVES) for e in (low, high))
            return sum(octaves[first:last])

        here = LOWEST + log2_scale
        return Lost(
            zero=zeros,
            below_subnormal=between(here, self.subnormal - 1),  # half of it rounds to it
            below_normal=between(here, self.normal),
            overflow=between(self.end, HIGHEST + log2_scale),
        )


@dataclass(frozen=True)
class Lost:
    """Shares of a gradient's elements: 0 already, rounded to 0, less exact, and too large."""

    zero: float
    below_subnormal: float
    below_normal: float
    overflow: float


# IEEE 754-2019 table 3.5; bfloat16; OCP 8-bit formats (arXiv:2209.05433, table 1). `formats.py`
# computes the same from the dtypes, and its test compares.
RANGES = {
    "float32": Range(-126, -149, 128),
    "bfloat16": Range(-126, -133, 128),
    "float16": Range(-14, -24, 16),
    "float8_e5m2": Range(-14, -16, 16),
    "float8_e4m3": Range(-6, -9, 9),
}
SCALE = 16  # log2 of the scale that torch's GradScaler begins with
