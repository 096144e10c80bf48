"""Every discovered variant against its reference, small, on CPU: new files need no line here."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from bench.cases.case import Case, Plain
from bench.cases.sweep import COMPILES, PRESETS
from bench.cases.variant import Variant
from bench.selecting.discover import load_module, module_names, variants_of
from bench.sides.server import Server
from tests.conftest import ServerFor

GROUPS = ("touchstone.suites", "touchstone.yardsticks")
SUITES = {p.name: p.value for group in GROUPS for p in entry_points(group=group)}


def brought_along(variant: Variant) -> bool:
    """Say whether a problem brought the variant along, which then has solved another already."""
    home = variant.function.__module__
    return variant.module != home and not home.startswith("bench.")


def found(suite: str, variant: Variant):
    """Return a test's parameters; what compiles for many problems takes minutes."""
    marks = [pytest.mark.slow] if variant.compiles and brought_along(variant) else []
    name = f"{suite}-{variant.name}-{variant.problem_type.__name__}"
    return pytest.param(suite, variant, id=name, marks=marks)


FOUND = [
    found(suite, variant)
    for suite, package in SUITES.items()
    for module in module_names(package)
    for variant in variants_of(load_module(module))
]
# Either says that a variant cannot do this, never that it does it wrongly.
REFUSALS = {"unsupported"}
FEW_MODULES = 12


def cases(suite: str, variant: Variant, *, every: bool = True) -> list[Case]:
    """Return every example in the first dtype and pass, the first one in every other as well.

    Unless `every` one is asked for, of what compiles for seconds one example is enough, and of what
    a problem brought along the last dtype and pass.
    """
    problem = variant.problem_type
    dtypes, passes = problem.dtypes, problem.passes
    if brought_along(variant) and not every:
        dtypes, passes = dtypes[-1:], passes[-1:]
    first = (problem.dtypes[0], problem.passes[0])
    if variant.compiles and not every:
        return [_case(suite, variant, *first, 1, problem.examples[0])]
    settings = [(*first, 1, example) for example in problem.examples]
    settings += [
        (dtype, pass_, ranks, problem.examples[0])
        for dtype in dtypes
        for pass_ in passes
        for ranks in problem.ranks
        if (dtype, pass_, ranks) != (*first, 1)
    ]
    return [_case(suite, variant, *asked) for asked in settings]


def _case(
    suite: str, variant: Variant, dtype: str, pass_: str, ranks: int, example: dict[str, Plain]
) -> Case:
    problem = variant.problem_type
    return Case(
        suite,
        variant.name,
        variant.module,
        problem.__name__,
        {f.name: getattr(problem(**example), f.name) for f in fields(problem)},
        dtype=dtype,
        pass_=pass_,
        ranks=ranks,
        options=variant.options,
    )


def test_every_suite_has_variants() -> None:
    assert len(FOUND) >= 11
    assert set(SUITES) == {param.values[0] for param in FOUND}


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_a_preset_chooses_by_what_variants_say_of_themselves(suite: str) -> None:
    """A mark or an option that no variant has would leave out nothing, or everything."""
    own = [param.values[1] for param in FOUND if param.values[0] == suite]
    marks = {COMPILES, *(mark for variant in own for mark in variant.marks)}
    options = {"", *(option for variant in own for option in variant.options)}
    preset = import_module(f"{SUITES[suite]}.preset")
    sweeps = [
        s for name in PRESETS for kind in ("cpu", "cuda") for s in getattr(preset, name)(kind)
    ]
    named = {mark for sweep in sweeps for mark in (*sweep.wanted, *sweep.unwanted)}
    assert named <= marks
    assert {sweep.option for sweep in sweeps} <= options
    for sweep in sweeps:
        posed = [v for v in own if v.problem_type.__name__ == sweep.problem]
        assert any(sweep.asks(variant) for variant in posed), sweep


@pytest.mark.parametrize(("suite", "variant"), FOUND)
def test_variant_is_checked(
    suite: str, variant: Variant, server_for: ServerFor, tmp_path: Path
) -> None:
    expect_checked(cases(suite, variant, every=False), server_for(variant.preload), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suite", "variant"),
    [p for p in FOUND if p.values[1].compiles or brought_along(p.values[1])],
)
def test_what_is_asked_less_is_checked_everywhere_here(
    suite: str, variant: Variant, server_for: ServerFor, tmp_path: Path
) -> None:
    expect_checked(cases(suite, variant), server_for(variant.preload), tmp_path)


def expect_checked(asked: list[Case], server: Server, tmp_path: Path) -> None:
    """Put cases to their checks; skip where none of them can run here."""
    outcomes = {}
    for case in asked:
        reply = server.attempt(
            {
                "case": asdict(case),
                "role": "check",
                "timeout_s": 120,
                "log": str(tmp_path / "log.txt"),
            }
        )
        outcomes[case.id] = (reply["outcome"], reply.get("detail", ""))
    wrong = {k: v for k, v in outcomes.items() if v[0] not in {"ok", *REFUSALS}}
    assert not wrong
    if all(outcome in REFUSALS for outcome, _ in outcomes.values()):
        pytest.skip(f"unsupported here: {next(iter(outcomes.values()))[1]}")


@pytest.mark.parametrize(
    "preload",
    sorted({p.values[1].preload for p in FOUND if p.values[1].preload}),
)
def test_what_is_imported_before_forks_starts_no_thread(
    preload: tuple[str, ...], server_for: ServerFor
) -> None:
    server = server_for(preload)
    assert server.hello["threads"] == 1
    assert server.log.read_text() == ""  # nothing was said on stderr


@pytest.mark.parametrize(("suite", "variant"), FOUND)
def test_a_first_call_imports_next_to_nothing(
    suite: str, variant: Variant, server_for: ServerFor, tmp_path: Path
) -> None:
    """An import of a second would be told as the time of the first call, in every process."""
    problem = variant.problem_type
    if 1 not in problem.ranks:
        pytest.skip("its calls need ranks")
    case = replace(cases(suite, variant)[0], pass_=problem.passes[-1])
    reply = server_for(variant.preload).attempt(
        {
            "call": "tests.suites.importing:by_first_call",
            "arguments": {"case": asdict(case)},
            "timeout_s": 120,
            "log": str(tmp_path / "log.txt"),
        }
    )
    if reply["outcome"] in REFUSALS:
        pytest.skip(f"unsupported here: {reply['detail']}")
    assert reply["outcome"] == "ok", reply
    assert len(reply["answer"]) <= FEW_MODULES, reply["answer"]
