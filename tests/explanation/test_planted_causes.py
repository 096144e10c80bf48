"""Every cause that was planted is named first: by structure alone, and by traces with its share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.checking.structure.structure import Structure
from reports.explanation.explain import Explanation, explanations
from tests.explanation.made_profiles import with_profile
from tests.judging.made_pairs import compared
from tests.made_runs import Made, make_pair
from tests.profiling.made_traces import Plain, event, named, product

BASE = Structure(
    operators={"mm bfloat16": 2, "_flash_attention_forward bfloat16": 1},
    collectives={"allreduce_ 256 bytes": 1},
    graphs=1,
    kernels={"cpp_fused_add_0": 2},
)
MATH = {"bmm bfloat16": 2, "_softmax bfloat16": 1}
OPERATORS = BASE.operators
PLANTED: dict[str, tuple[dict[str, object], str]] = {
    "an extra kernel": (
        {"kernels": {"cpp_fused_add_0": 2, "cpp_fused_mul_1": 1}},
        "2 fused kernels became 3: +1 cpp_fused_mul_1",
    ),
    "another dtype": (
        {"operators": {"mm float32": 2, "_flash_attention_forward bfloat16": 1}},
        "float32 where bfloat16 was (mm)",
    ),
    "a lost fusion": ({"graphs": 0, "kernels": {}}, "compiled → eager"),
    "a slower backend": (
        {"operators": {"mm bfloat16": 2, **MATH}},
        "attention: flash → math",
    ),
    "a read by the host": (
        {
            "host_reads": {"_local_scalar_dense": 1},
            "operators": {**OPERATORS, "_local_scalar_dense float32": 1},
        },
        "+1 read by the host a call (_local_scalar_dense)",
    ),
    "a mask in the step": (
        {"operators": {**OPERATORS, "ones bool": 1, "tril bool": 1}},
        "3 operators became 5: +1 ones bool, +1 tril bool",
    ),
    "a doubled all-reduce": (
        {"collectives": {"allreduce_ 256 bytes": 2}},
        "1 collective became 2: +1 allreduce_ 256 bytes",
    ),
    "a graph break": (
        {"breaks": {"a print": 1}, "graphs": 2},
        "1 compiled graph became 2; +1 graph break (a print)",
    ),
}


def explained(
    folder: Path,
    base: Made,
    new: Made,
    traces: tuple[list[Plain], list[Plain]] | None = None,
    **facts: object,
) -> Explanation:
    sides = make_pair(folder / "ab", [base], [new])
    if traces:
        both = zip(sides, (base, new), traces, strict=True)
        sides = tuple(with_profile(*side, **facts) for side in both)  # type: ignore[assignment]
    (found,) = explanations(compared(*sides))
    return found


def slower(changes: dict[str, object], **more: object) -> tuple[Made, Made]:
    """Return a case that takes 100 µs, and the same that takes 160 and does something else."""
    new = replace(BASE, **changes)  # type: ignore[arg-type]
    sides = Made("v", 100e-6, structure=BASE), Made("v", 160e-6, structure=new)
    return tuple(replace(side, **more) for side in sides)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("planted", PLANTED)
def test_what_a_call_does_is_named_first_without_a_share(tmp_path: Path, planted: str) -> None:
    changes, words = PLANTED[planted]
    found = explained(tmp_path, *slower(changes))
    assert found.causes[0].sort == "structure"
    assert found.causes[0].words.startswith(words)
    assert found.causes[0].share is None
    assert found.unexplained == 1
    assert found.told == "no trace of it in BASE"


def step(*more: Plain, mm: float = 60.0) -> list[Plain]:
    """Return a step of a product and what comes after it, in microseconds."""
    seconds = 40 + mm + sum(one["dur"] for one in more)
    return [named("step", 0, seconds), product(10, mm), *more]


REGION = "Torch-Compiled Region: 0/0"
IN_TRACES: dict[str, tuple[list[Plain], str]] = {
    "an extra kernel": (
        [event(REGION, 80, 60, "user_annotation")],
        "compiled",
    ),
    "a slower backend": ([event("aten::_softmax", 80, 60)], "aten::_softmax"),
    "a read by the host": (
        [event("aten::_local_scalar_dense", 80, 60)],
        "aten::_local_scalar_dense",
    ),
    "a mask in the step": ([event("aten::tril", 80, 60)], "aten::tril"),
    "a doubled all-reduce": ([event("c10d::allreduce_", 80, 60)], "c10d::allreduce_"),
}


@pytest.mark.parametrize("planted", IN_TRACES)
def test_by_traces_it_has_its_share(tmp_path: Path, planted: str) -> None:
    changes, words = PLANTED[planted]
    more, operator = IN_TRACES[planted]
    found = explained(
        tmp_path,
        *slower(changes),
        (step(), step(*more)),
        phases=[],
        plain_s=[1e-4],
        profiled_s=[1e-4],
    )
    first = found.causes[0]
    assert (first.sort, first.words.startswith(words)) == ("structure", True)
    assert first.share == pytest.approx(1, abs=0.1)
    assert any(operator in one for one in first.details)
    assert found.unexplained == pytest.approx(0, abs=0.1)


def test_another_dtype_has_the_share_of_operators_that_run_as_often(tmp_path: Path) -> None:
    changes, words = PLANTED["another dtype"]
    found = explained(tmp_path, *slower(changes), (step(), step(mm=120)), phases=[])
    assert found.causes[0].words.startswith(words)
    assert found.causes[0].share == pytest.approx(1, abs=0.1)
