"""How float32 products are computed: one place that sets torch's switches, by their newer names."""

import torch


def set_float32_products(precision: str) -> None:
    """Set matmul, convolution and RNN products of float32 to `ieee` or `tf32`, in this process.

    cuDNN's default is TF32, matmul's is not. The older switches (`allow_tf32`) are left alone:
    torch refuses a mixture of both.
    """
    torch.backends.cuda.matmul.fp32_precision = precision
    torch.backends.cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = precision  # type: ignore[attr-defined]
