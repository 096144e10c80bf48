"""A step queues its work and goes on: where it asks a tensor for a number, a GPU's host would wait.

Counted on a CPU, by what would synchronise a GPU: a number, or a shape that depends on data.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench import Unsupported
from bench.contest import prepare
from bench.variant import Variant
from tests.test_variants import FOUND, cases

WAITS = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::equal",
    "aten::nonzero",
    "aten::masked_select",
    "aten::unique_dim",
    "aten::_unique2",
}
# By what others' code asks for: GradScaler whether gradients are finite, diffusers where it stands.
OF_OTHERS = {"fp16_scaled": 1}


class Waits(TorchDispatchMode):
    """Counts what would wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name in WAITS:
            self.seen.append(func._schema.name)
        return func(*args, **(kwargs or {}))


class NothingKept:
    """Stands where a worker follows its state."""

    def imported(self) -> None: ...
    def built(self, declared: object = ()) -> None: ...


@pytest.mark.parametrize(("suite", "variant"), FOUND)
def test_a_step_waits_for_nothing_of_ours(suite: str, variant: Variant) -> None:
    case = cases(suite, variant)[0]
    torch.set_grad_enabled(case.pass_ != "fwd")
    try:
        contest = prepare(case, {}, NothingKept())  # type: ignore[arg-type]
        inputs = contest.problem.make_inputs(0, contest.setting)
        contest.reset()
        contest.call(inputs)
        with Waits() as waits:
            contest.call(inputs)
    except Unsupported as error:
        pytest.skip(str(error))
    finally:
        torch.set_grad_enabled(True)
    assert len(waits.seen) == OF_OTHERS.get(variant.name, 0), waits.seen
