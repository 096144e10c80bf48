"""What standards say that number formats hold. Torch-free.

IEEE 754-2019 table 3.5; bfloat16 and TF32 have float32's exponents; OCP 8-bit floating point
(arXiv:2209.05433, table 1); `fnuz` has one more exponent below, and no infinity; OCP microscaling
formats (arXiv:2310.10537) have elements in blocks with a scale of exponents alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Standard:
    """Bits of precision, the leading one included, and the exponents of normal numbers.

    `missing` is how many of the largest numbers stand for something else.
    """

    precision: int
    least: int
    most: int
    missing: int = 0
    subnormals: bool = True

    def figures(self) -> dict[str, float]:
        """Return largest, smallest normal and subnormal number, and epsilon."""
        epsilon = 2.0 ** (1 - self.precision)
        smallest = 2.0**self.least
        return {
            "format_largest": (2 - (1 + self.missing) * epsilon) * 2.0**self.most,
            "format_smallest_normal": smallest,
            "format_smallest_subnormal": smallest * epsilon if self.subnormals else smallest,
            "format_epsilon": epsilon,
        }


STANDARDS = {
    "float32": Standard(24, -126, 127),
    "tf32": Standard(11, -126, 127),
    "bfloat16": Standard(8, -126, 127),
    "float16": Standard(11, -14, 15),
    "float8_e5m2": Standard(3, -14, 15),
    "float8_e5m2fnuz": Standard(3, -15, 15),
    "float8_e4m3fn": Standard(4, -6, 8, missing=1),
    "float8_e4m3fnuz": Standard(4, -7, 7),
    "float8_e8m0fnu": Standard(1, -127, 127, subnormals=False),
    "float4_e2m1fn_x2": Standard(2, 0, 2),
}
