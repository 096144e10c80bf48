"""Compiled: a step that promises torch.compile, and proves that compiled code is what runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.profiler import profile

from bench.cases.tensors import tensors_in
from bench.cases.variant import Unsupported
from bench.checking.computing import computing, in_words
from bench.checking.held import modules_held
from bench.checking.operator import Operands

_GRAPH = "## Call CompiledFxGraph"  # what Inductor made runs under this name
_REGION = "Torch-Compiled Region"  # what Dynamo traced; some backends run it eagerly


@dataclass(frozen=True)
class Compiled:
    """A step that calls something which `torch.compile` returned.

    >>> compiled = torch.compile(function, fullgraph=True, dynamic=False)
    >>> return Compiled(lambda tensors: compiled(*tensors))

    Dynamo can be told to do nothing, by a variable, a stance, or a limit of recompilations, and
    then runs the function as it is. With `whole`, nothing that computes may run beside the graphs.
    """

    step: Callable[[Any], Any]
    whole: bool = True

    def __post_init__(self) -> None:
        """Refuse where nothing can be compiled: a call might only fail with torch's own words."""
        if "disable" in (switches := _switches()):
            raise Unsupported(f"promised torch.compile, and nothing is compiled{_told(switches)}")

    def verify(self, inputs: Any) -> dict[str, str]:
        """Look at a call, and at its backward pass; return how many graphs it ran.

        Raises `Unsupported` where no compiled graph ran, or something ran eagerly beside it.
        """
        tensors = inputs.tensors if isinstance(inputs, Operands) else inputs
        starts = [t for t in (*tensors_in(tensors), *_weights_in(self.step)) if t.requires_grad]
        _differentiate(self.step(tensors), starts)  # what is compiled at first is no part of a call
        with profile() as forward:
            outputs = self.step(tensors)
        graphs, beside = self._expect_graphs(forward, "ran")
        with profile() as backward:
            differentiated = _differentiate(outputs, starts)
        if differentiated:
            self._expect_graphs(backward, "went backward through", whole=False)
        labels = {"compiled_graphs": str(graphs)}
        return labels | ({"eager_beside": in_words(beside)} if beside else {})

    def _expect_graphs(
        self, seen: profile, did: str, whole: bool | None = None
    ) -> tuple[int, list[str]]:
        events = list(seen.function_events or ())
        graphs = sum(event.name.startswith(_GRAPH) for event in events)
        beside = computing(event.name for event in events if not _of_a_graph(event))
        beside = [name for name in beside if not name.startswith(_REGION)]
        if graphs == 0 or (beside and (self.whole if whole is None else whole)):
            among = f"{graphs} compiled graphs beside" if graphs else "no compiled graph, only"
            raise Unsupported(
                f"promised torch.compile, but torch {did} {among} "
                f"{in_words(beside) or 'what the profiler cannot see'}{_told(_switches())}"
            )
        return graphs, beside


def compiled_if(asked: bool | None, step: Callable[[Any], Any]) -> Callable[[Any], Any] | Compiled:
    """Return a step compiled into one graph where an option asks for that, else as it is.

    The option is to be called `compiled`: then what a compiler imports is imported before.
    """
    if not asked:
        return step
    return Compiled(torch.compile(step, fullgraph=True, dynamic=False))


def _of_a_graph(event: Any) -> bool:
    """Say whether an event is a graph, lies in one, or is but the cover of one."""
    above = event
    while above is not None:
        if above.name.startswith(_GRAPH):
            return True
        above = above.cpu_parent
    return any(_covers_a_graph(child) for child in event.cpu_children)


def _covers_a_graph(event: Any) -> bool:
    return event.name.startswith(_GRAPH) or any(map(_covers_a_graph, event.cpu_children))


def _weights_in(step: Callable[[Any], Any]) -> list[torch.Tensor]:
    weights = (weight for module in modules_held(step) for weight in module.parameters())
    return list({id(weight): weight for weight in weights}.values())


def _differentiate(outputs: Any, starts: list[torch.Tensor]) -> bool:
    """Take the gradients of tensors that ask for them; say whether any does."""
    ends = [t for t in tensors_in(outputs) if t.requires_grad]
    if not ends or not starts:
        return False
    torch.autograd.grad(ends, starts, [torch.ones_like(end) for end in ends], allow_unused=True)
    return True


def _switches() -> list[str]:
    """Name what is set in torch's configuration and keeps it from compiling."""
    from torch._dynamo import config

    return [name for name in ("disable", "suppress_errors") if getattr(config, name, False)]


def _told(switches: Iterable[str]) -> str:
    told = ", ".join(f"torch._dynamo.config.{name} is set" for name in switches)
    return f" ({told})" if told else ""
