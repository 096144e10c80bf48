"""What suites draw of profiles: the seconds of made-up traces, put where they belong."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.cases.case import Case
from bench.cases.chart import Chart
from bench.profiling.bound import with_bounds
from bench.profiling.operators import kernels, operators
from bench.profiling.overlap import overlap
from bench.profiling.read import Profile, RankProfile
from reports import html
from reports.profiles.table import operators_table, ranks_table
from tests.profiling.made_traces import event, named, product, steps, training_step

TALKING = event("gloo:all_reduce", 80, 40, "user_annotation", tid=9)
SAMPLING = [named("step", 0, 100), named("network", 0, 60), product(0, 50), product(70, 20)]


def rank_profile(plain: list[Any], **told: Any) -> RankProfile:
    found = steps(plain, **told)
    table = with_bounds(operators(found), None)
    return RankProfile(found.facts, found.seconds, table, kernels(found), overlap(found), [])


def profile(suite: str, variant: str, ranks: int = 1, **told: Any) -> Profile:
    case = Case(suite, variant, "m", "Problem", {"n": 4}, ranks=ranks)
    plain = told.pop("plain", [*training_step(), TALKING])
    return Profile(case, Path("none"), [rank_profile(plain, **told) for _ in range(ranks)])


def drawn_by(suite: str, *found: Profile) -> list[Chart]:
    drawing = importlib.import_module(f"suites.{suite}.charts").profile_charts
    charts: list[Chart] = drawing(operators_table(found), ranks_table(found))
    return charts


def rows_of(chart: Chart) -> pd.DataFrame:
    (data,) = chart.drawing.to_dict()["datasets"].values()
    return pd.DataFrame(data)


@pytest.mark.parametrize("suite", ["attention", "mixers"])
def test_what_each_variant_ran_is_listed(suite: str) -> None:
    (chart,) = drawn_by(suite, profile(suite, "one"), profile(suite, "two"))
    rows = rows_of(chart).set_index(["name", "operator"])
    assert rows.loc[("one", "mm"), "share"] == pytest.approx(0.5)
    assert rows.loc[("two", "mm"), "calls"] == 2


def test_a_policys_step_is_told_by_phase() -> None:
    (chart,) = drawn_by("precision", profile("precision", "fp32"), profile("precision", "bf16"))
    rows = rows_of(chart)
    by_phase = rows[rows["name"] == "fp32"].groupby("phase")["ms"].sum()
    assert by_phase["forward"] == pytest.approx(0.04)
    assert by_phase["backward"] == pytest.approx(0.05)


def test_a_strategys_step_is_told_by_what_it_waits_for() -> None:
    by_class, waiting = drawn_by("distributed", profile("distributed", "ddp", ranks=2))
    rows = rows_of(waiting).set_index("kind")["ms"]
    assert rows["compute"] == pytest.approx(0.05)
    assert rows["exposed communication"] == pytest.approx(0.02)
    assert rows["idle"] == pytest.approx(0.03)
    assert rows_of(by_class)["ms"].sum() == pytest.approx(0.1)  # the mean of two ranks


def test_the_network_is_set_against_the_solver() -> None:
    told = {"plain": SAMPLING, "phases": [], "parts": ["network"]}
    (chart,) = drawn_by("samplers", profile("samplers", "heun", **told))
    rows = rows_of(chart).groupby("where")["ms"].sum()
    assert rows["network"] == pytest.approx(0.06)
    assert rows["solver"] == pytest.approx(0.04)


def test_a_suite_that_says_nothing_is_drawn_by_class() -> None:
    (chart,) = html.of_profiles("mine", [profile("mine", "one")])
    assert chart.drawing["mark"]["type"] == "bar"


def test_questions_stand_apart() -> None:
    other = profile("attention", "one", ranks=1)
    other = Profile(Case("attention", "one", "m", "Problem", {"n": 8}), other.folder, other.ranks)
    assert len(drawn_by("attention", profile("attention", "one"), other)) == 2


def test_options_tell_a_variants_cases_apart() -> None:
    one = profile("mixers", "rwkv")
    told = [
        Profile(
            Case("mixers", "rwkv", "m", "Problem", {"n": 4}, options={"form": form}),
            one.folder,
            one.ranks,
        )
        for form in ("chunked", "recurrent")
    ]
    (chart,) = drawn_by("mixers", *told)
    assert set(rows_of(chart)["name"]) == {"rwkv[form=chunked]", "rwkv[form=recurrent]"}
