"""A door for authors: a step that promises `torch.compile`."""

from bench.checking.compilation import Compiled, compiled_if

__all__ = [
    "Compiled",
    "compiled_if",
]
