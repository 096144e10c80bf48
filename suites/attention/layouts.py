"""Layouts, windows and sizes as kernels of other libraries take them."""

from bench import Unsupported
from suites.attention.problem import QKV, SoftmaxAttention


def expect_head_dim(problem: SoftmaxAttention, most: int) -> None:
    if problem.head_dim > most:
        raise Unsupported(f"needs head_dim of at most {most}, got {problem.head_dim}")


def reach(problem: SoftmaxAttention) -> tuple[int, int]:
    """Return how many positions beside its own a query sees, left and right; -1 for all."""
    if problem.window is None:
        return -1, -1
    left = problem.window - 1
    return left, 0 if problem.causal else left


def heads_last(inputs: QKV) -> QKV:
    """Return views (B, S, H, D) of queries, keys and values: nothing is copied."""
    return QKV(*(x.transpose(1, 2) for x in inputs))
