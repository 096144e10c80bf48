"""Record what one call does: a call of its own, which nothing of it is measured in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from torch.autograd.profiler import profile

from bench.checking.structure.compiled import Compiling, graphs_called
from bench.checking.structure.dispatch import watch
from bench.checking.structure.structure import Structure

_NODE = "autograd::engine::evaluate_function: "


def record(call: Callable[[], Any], compiling: Compiling, differentiates: bool) -> Structure:
    """Run a call and return its structure; `compiling` is what set-up and the first call did.

    Only of a call that `differentiates` the profiler is asked for autograd's nodes.
    """
    before, mode = Compiling.so_far(), watch()
    with graphs_called() as graphs, mode:
        nodes = nodes_of(call) if differentiates else _run(call)
    after = Compiling.so_far()
    return replace(
        mode.tally.structure(),
        nodes=nodes,
        graphs=graphs.number,
        kernels=dict(graphs.kernels),
        breaks=compiling.breaks,
        recompilations=compiling.recompilations + after.recompilations - before.recompilations,
        fallbacks=compiling.fallbacks + after.fallbacks - before.fallbacks,
    )


def _run(call: Callable[[], Any]) -> dict[str, int]:
    call()
    return {}


def nodes_of(call: Callable[[], Any]) -> dict[str, int]:
    """Run a call under the profiler; count the nodes that autograd's engine evaluated."""
    with profile() as profiler:
        call()
    assert profiler.kineto_results is not None
    return nodes_among(event.name() for event in profiler.kineto_results.events())


def nodes_among(names: Iterable[str]) -> dict[str, int]:
    """Count autograd's nodes among events, each by the last part of its name."""
    found = (name.removeprefix(_NODE) for name in names if name.startswith(_NODE))
    return dict(Counter(name.rpartition("::")[2] for name in found))
