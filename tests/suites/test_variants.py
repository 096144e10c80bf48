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
    """Return a test's parameters; what compiles takes half a minute for every problem."""
    marks = [pytest.mark.slow] if variant.compiles else []
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

    Unless `every` one is asked for, of the others the last dtype and pass is enough.
    """
    problem = variant.problem_type
    first, last = ((problem.dtypes[i], problem.passes[i]) for i in (0, -1))
    settings = [(*first, 1, example) for example in problem.examples]
    settings += [
        (dtype, pass_, ranks, problem.examples[0])
        for dtype in problem.dtypes
        for pass_ in problem.passes
        for ranks in problem.ranks
        if (dtype, pass_, ranks) != (*first, 1)
        and (
            every or (dtype, pass_) == first or (dtype, pass_, ranks) == (*last, problem.ranks[-1])
        )
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


@pytest.mark.parametrize(("suite", "variant"), [p for p in FOUND if not p.values[1].compiles])
def test_variant_is_checked(
    suite: str, variant: Variant, server_for: ServerFor, tmp_path: Path
) -> None:
    # else every fork imports its suite; a server of all suites takes longer to fork than that
    server = server_for((*variant.preload, *module_names(SUITES[suite])))
    first, *others = cases(suite, variant, every=False)
    found = checked([first], server, tmp_path) | checked(others, server, tmp_path, num_input_sets=1)
    expect_right(found)


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "variant"), FOUND)
def test_variant_is_checked_in_every_dtype_and_pass(
    suite: str, variant: Variant, server_for: ServerFor, tmp_path: Path
) -> None:
    expect_right(checked(cases(suite, variant), server_for(variant.preload), tmp_path))


Outcomes = dict[str, tuple[str, str]]


def checked(asked: list[Case], server: Server, tmp_path: Path, **more: int) -> Outcomes:
    """Put cases to their checks; return outcomes and details by case."""
    found = {}
    for case in asked:
        request = {"case": asdict(case), "role": "check", "timeout_s": 120, **more}
        reply = server.attempt({**request, "log": str(tmp_path / "log.txt")})
        found[case.id] = (reply["outcome"], reply.get("detail", ""))
    return found


def expect_right(found: Outcomes) -> None:
    """Expect nothing else than passes and refusals; skip where none of them can run here."""
    wrong = {k: v for k, v in found.items() if v[0] not in {"ok", *REFUSALS}}
    assert not wrong
    if all(outcome in REFUSALS for outcome, _ in found.values()):
        pytest.skip(f"unsupported here: {next(iter(found.values()))[1]}")


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


@pytest.mark.parametrize(("suite", "variant"), [p for p in FOUND if not brought_along(p.values[1])])
def test_a_first_call_imports_next_to_nothing(
    suite: str, variant: Variant, server_for: ServerFor, tmp_path: Path
) -> None:
    """An import of a second would be told as the time of the first call, in every process.

    Asked of every function once, whatever problems it solves.
    """
    problem = variant.problem_type
    if 1 not in problem.ranks:
        pytest.skip("its calls need ranks")
    if variant.compiles:
        pytest.skip("its first call compiles, which is a time of its own")
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
