"""Ids of cases: what was not chosen is no part of them."""

from __future__ import annotations

from dataclasses import replace

from bench import Problem, variant
from bench.cases.case import Case
from bench.cases.variant import COMPILER
from bench.judging.words import name_of

CASE = Case("s", "v", "m", "P", {"n": 4, "unset": None})


def test_an_option_without_a_value_is_no_part_of_an_id() -> None:
    assert CASE.id == "s/v/P(n=4)/float32/fwd/cpu,threads=1,warm"
    assert replace(CASE, options={"compiled": None}).id == CASE.id
    chosen = replace(CASE, options={"compiled": True, "chunk": None})
    assert chosen.id.startswith("s/v[compiled=True]/")
    plain = replace(CASE, options={"compiled": None})
    assert [name_of(c, [plain, chosen]) for c in (plain, chosen)] == ["v", "v[compiled=True]"]


def test_what_an_option_compiles_is_imported_before() -> None:
    @variant
    def either(problem: Problem, *, compiled: bool | None = None) -> None:
        """Compile where that is asked."""

    assert not either.compiles_with(either.options)
    assert either.compiles_with({"compiled": True})
    assert {*COMPILER} <= {*either.preload_with({"compiled": True})}
    assert not {*COMPILER} & {*either.preload}
