"""How float32 products are computed: one place that sets torch's switches, by their newer names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def set_float32_products(precision: str) -> None:
    """Set matmul, convolution and RNN products of float32 to `ieee` or `tf32`, in this process.

    cuDNN's default is TF32, matmul's is not. The older switches (`allow_tf32`) are left alone:
    torch refuses a mixture of both.
    """
    torch.backends.cuda.matmul.fp32_precision = precision
    torch.backends.cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = precision  # type: ignore[attr-defined]


@contextmanager
def float32_products(precision: str) -> Iterator[None]:
    """Compute float32's products in another precision for a while."""
    cudnn: Any = torch.backends.cudnn
    switches = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    before = [switch.fp32_precision for switch in switches]
    set_float32_products(precision)
    try:
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.fp32_precision = value
