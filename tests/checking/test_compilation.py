"""A promise of torch.compile holds only where compiled code is what runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch._dynamo import config

from bench import Unsupported
from bench.checking.compilation import Compiled
from bench.checking.compiler import out_of_reach

# torch's compiler imports what torch itself has deprecated, and warns of what it falls back to
pytestmark = pytest.mark.filterwarnings("ignore")

INPUTS = (torch.linspace(-1, 1, 64),)


def curve(x: torch.Tensor) -> torch.Tensor:
    return (x.sin() + 1).exp()


def broken(x: torch.Tensor) -> torch.Tensor:
    y = x.sin()
    torch._dynamo.graph_break()
    return y.exp()


links = pytest.mark.skipif(bool(out_of_reach()), reason=out_of_reach() or "torch can be linked")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Take contexts that end with the test, and leave nothing compiled to the next one."""
    with ExitStack() as contexts:
        yield contexts
    torch._dynamo.reset()


def step_of(function: Callable[..., Any], **how: Any) -> Callable[[Any], Any]:
    compiled = torch.compile(function, dynamic=False, **how)
    return lambda tensors: compiled(*tensors)


def told_to_run_eagerly(stack: ExitStack) -> Callable[[Any], Any]:
    stack.enter_context(torch.compiler.set_stance("force_eager"))
    return step_of(curve, fullgraph=True)


def another_backend(stack: ExitStack) -> Callable[[Any], Any]:
    return step_of(curve, fullgraph=True, backend="eager")


def traced_only(stack: ExitStack) -> Callable[[Any], Any]:
    return step_of(curve, fullgraph=True, backend="aot_eager")


def replaced(stack: ExitStack) -> Callable[[Any], Any]:
    stack.enter_context(patch.object(torch, "compile", lambda function, **_: function))
    return step_of(curve, fullgraph=True)


def errors_suppressed(stack: ExitStack) -> Callable[[Any], Any]:
    def fails(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler")

    stack.enter_context(config.patch(suppress_errors=True))
    return step_of(curve, backend=fails)


def limit_reached(stack: ExitStack) -> Callable[[Any], Any]:
    stack.enter_context(config.patch(recompile_limit=1))
    step = step_of(curve, backend="eager")
    step((torch.ones(3),))
    return step


EAGER = [
    told_to_run_eagerly,
    another_backend,
    traced_only,
    replaced,
    errors_suppressed,
    limit_reached,
]


@pytest.mark.parametrize("how", EAGER, ids=lambda how: how.__name__)
def test_what_runs_eagerly_is_not_compiled(how: Any, stack: ExitStack) -> None:
    step = how(stack)
    with pytest.raises(Unsupported, match=r"promised torch\.compile, .* no compiled graph.*aten"):
        Compiled(step).verify(INPUTS)


@pytest.mark.parametrize("fullgraph", [False, True])
def test_what_cannot_be_compiled_is_not_called(fullgraph: bool, stack: ExitStack) -> None:
    stack.enter_context(config.patch(disable=True))
    with pytest.raises(Unsupported, match=r"torch\.compile, .*config\.disable is set"):
        Compiled(step_of(curve, fullgraph=fullgraph))


@links
@pytest.mark.slow
def test_a_compiled_step_says_how_many_graphs_it_is(stack: ExitStack) -> None:
    leaf = torch.linspace(-1, 1, 64).requires_grad_()
    assert Compiled(step_of(curve, fullgraph=True)).verify((leaf,)) == {"compiled_graphs": "1"}


@links
@pytest.mark.slow
def test_what_runs_beside_the_graphs_is_told_or_refused(stack: ExitStack) -> None:
    compiled = step_of(broken)

    def beside(tensors: Any) -> Any:
        return compiled(tensors).sort()

    found = Compiled(beside, whole=False).verify(INPUTS)
    assert found["compiled_graphs"] == "2"
    assert found["eager_beside"].startswith("aten::sort")
    with pytest.raises(Unsupported, match="2 compiled graphs beside aten::sort"):
        Compiled(beside).verify(INPUTS)
