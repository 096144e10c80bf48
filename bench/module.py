"""A door for authors: a user's `nn.Module` as a problem."""

from bench.checking.module import ModuleProblem

__all__ = [
    "ModuleProblem",
]
