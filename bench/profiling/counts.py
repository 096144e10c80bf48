"""FLOPs and bytes of an operator, from the shapes of its inputs that a trace tells.

FLOPs are of products alone; a causal attention counts the half that it sees. Bytes are what an
operator's inputs hold and what it allocates, or changes in place: so they are an upper bound for
one that reads a part of an input, and a lower one for one that reads twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

Shape = Sequence[int]
Args = Mapping[str, Any]

ITEM_BYTES = {
    "double": 8,
    "float": 4,
    "c10::Half": 2,
    "c10::BFloat16": 2,
    "long int": 8,
    "long": 8,
    "int": 4,
    "short": 2,
    "signed char": 1,
    "unsigned char": 1,
    "bool": 1,
    "c10::complex<float>": 8,
    "c10::complex<double>": 16,
}
DTYPES = {
    "double": "float64",
    "float": "float32",
    "c10::Half": "float16",
    "c10::BFloat16": "bfloat16",
}
BACKWARD_OVER_FORWARD = 2.5  # of an attention that recomputes: five products for two


def flops_of(name: str, args: Args) -> float:
    """Count the FLOPs of a product; 0 for what is none, or of shapes unknown."""
    count = _PRODUCTS.get(name.partition("::")[2])
    shapes = args.get("Input Dims") or []
    try:
        return float(count(shapes, args.get("Concrete Inputs") or [])) if count else 0.0
    except (IndexError, TypeError, ValueError):  # a signature of another version
        return 0.0


def input_bytes(args: Args) -> int:
    """Count the bytes that the input tensors hold."""
    shapes, types = args.get("Input Dims") or [], args.get("Input type") or []
    return sum(_bytes(shape, kind) for shape, kind in zip(shapes, types, strict=False))


def first_bytes(args: Args) -> int:
    """Count the bytes of the first input: what an operator in place writes."""
    shapes, types = args.get("Input Dims") or [], args.get("Input type") or []
    return _bytes(shapes[0], types[0]) if shapes and types else 0


def dtype_of(args: Args) -> str:
    """Return the dtype of the first floating input; empty where there is none."""
    kinds = (DTYPES.get(str(kind), "") for kind in args.get("Input type") or [])
    return next(filter(None, kinds), "")


def _bytes(shape: Any, kind: Any) -> int:
    size = ITEM_BYTES.get(str(kind), 0)
    plain = isinstance(shape, list) and all(isinstance(length, int) for length in shape)
    return size * prod(shape) if size and plain else 0


def _mm(first: int) -> Callable[[Sequence[Shape], Sequence[str]], float]:
    """Count (…, n, k) by (…, k, m), the matrices from the input numbered `first` on."""

    def count(shapes: Sequence[Shape], _: Sequence[str]) -> float:
        a, b = shapes[first], shapes[first + 1]
        return 2.0 * prod(a) * (b[-1] if len(b) > 1 else 1)

    return count


def _convolution(shapes: Sequence[Shape], told: Sequence[str]) -> float:
    """Count (n, c, …) by a kernel (o, c/groups, …), as torch's general operator is told of it."""
    if told[6] == "True":  # transposed: every pixel of the image meets the whole kernel
        return 2.0 * prod(shapes[0]) * prod(shapes[1][1:])
    return _convolved(3, 4, 5)(shapes, told)


def _convolved(stride: int, padding: int, dilation: int | None = None) -> Callable[..., float]:
    """Count one way, by which input tells what; of a backend that is called by itself."""

    def count(shapes: Sequence[Shape], told: Sequence[str]) -> float:
        image, kernel = shapes[0], shapes[1]
        steps, edges = _numbers(told[stride]), _numbers(told[padding])
        apart = [1] if dilation is None else _numbers(told[dilation])
        spots = prod(
            (length + 2 * _at(edges, i) - _at(apart, i) * (width - 1) - 1) // _at(steps, i) + 1
            for i, (length, width) in enumerate(zip(image[2:], kernel[2:], strict=True))
        )
        return 2.0 * image[0] * spots * prod(kernel)

    return count


def _convolution_backward(shapes: Sequence[Shape], told: Sequence[str]) -> float:
    """Count a product for each gradient that is asked for, of image and of kernel."""
    asked = told[10].count("True", 0, told[10].rfind(",")) if len(told) > 10 else 2
    return 2.0 * prod(shapes[0]) * prod(shapes[2][1:]) * asked


def _attention(first: int, causal: int, factor: float = 1.0) -> Callable[..., float]:
    """Count q (…, n, d) by k (…, m, d) and by v (…, m, e), from the input numbered `first`."""

    def count(shapes: Sequence[Shape], told: Sequence[str]) -> float:
        q, k, v = shapes[first : first + 3]
        seen = 0.5 if causal < len(told) and told[causal] == "True" else 1.0
        return factor * seen * 2.0 * prod(q[:-1]) * k[-2] * (q[-1] + v[-1])

    return count


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.strip("[]").split(",") if word.strip()]


def _at(numbers: list[int], place: int) -> int:
    return numbers[place] if place < len(numbers) else numbers[-1]


BACKENDS: dict[str, Callable[..., float]] = {  # what a convolution is handed on to
    "mkldnn_convolution": _convolved(4, 3, 5),
    "cudnn_convolution": _convolved(3, 2, 4),
    "_slow_conv2d_forward": _convolved(4, 5),
    "slow_conv_dilated2d": _convolved(4, 5, 6),
    "_conv_depthwise2d": _convolved(4, 5, 6),
}
HANDS_ON = ("aten::convolution", "aten::_convolution", "aten::thnn_conv2d")
_PRODUCTS: dict[str, Callable[..., float]] = BACKENDS | {
    "mm": _mm(0),
    "bmm": _mm(0),
    "mv": _mm(0),
    "dot": _mm(0),
    "addmm": _mm(1),
    "_addmm_activation": _mm(1),
    "addmv": _mm(1),
    "baddbmm": _mm(1),
    "_scaled_mm": _mm(0),
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
    "_scaled_dot_product_flash_attention_for_cpu": _attention(0, 4),
    "_scaled_dot_product_flash_attention": _attention(0, 4),
    "_scaled_dot_product_efficient_attention": _attention(0, 6),
    "_scaled_dot_product_cudnn_attention": _attention(0, 6),
    "_scaled_dot_product_flash_attention_for_cpu_backward": _attention(1, 7, BACKWARD_OVER_FORWARD),
    "_scaled_dot_product_flash_attention_backward": _attention(1, 11, BACKWARD_OVER_FORWARD),
    "_scaled_dot_product_efficient_attention_backward": _attention(1, 10, BACKWARD_OVER_FORWARD),
}
