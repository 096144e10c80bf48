"""A door for authors: a step that promises `torch.compile`."""

from bench.checking.compilation import Compiled

__all__ = [
    "Compiled",
]
