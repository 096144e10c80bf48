"""Claims of guidance and of few steps, over records whose law is known."""

from __future__ import annotations

import pytest

from bench.cases.case import Attempt, Case, Measurement, Plain
from bench.judging.record import Record, fold_case
from suites.samplers import claims

SEEDS = (0.9, 1.0, 1.1)  # what a seed multiplies every distance by: ratios pair it away


def made(
    variant: str, nfe: int, ground: str, options: dict[str, Plain], *times: float, **quality: float
) -> Record:
    """Return a record of three seeds, and of as many rounds as there are times."""
    values: dict[str, Plain] = {"ground": ground, "nfe": nfe, "batch": 32, "num_images": 1000}
    case = Case("samplers", variant, "suites.samplers.made_up", "Sampling", values,
                options=options, rounds=len(times), quality_seeds=len(SEEDS))  # fmt: skip
    attempts = [
        Attempt(case.id, "check", 0, 0, "ok", measurements=[Measurement("nfe", "1", [float(nfe)])]),
        Attempt(case.id, "memory", 0, 0, "ok"),
    ]
    for seed, factor in enumerate(SEEDS if quality else ()):
        found = [Measurement(name, "1", [value * factor]) for name, value in quality.items()]
        attempts.append(Attempt(case.id, "quality", 0, seed, "ok", measurements=found))
    for number, time in enumerate(times):
        taken = [Measurement("time", "s", [time] * 5)]
        attempts.append(Attempt(case.id, "time", 0, number, "ok", measurements=taken))
    return fold_case(case, attempts)


def guided(scale: float, distance: float, ground: str = "mlp_classes", **more: float) -> Record:
    options: dict[str, Plain] = {"grid": "vp", "scale": scale, "batched": True}
    return made("classifier_free", 20, ground, options, fd_coordinates=distance, **more)


@pytest.mark.parametrize(
    ("distances", "verdict"),
    [((1.0, 0.6, 2.0), "holds"), ((0.5, 0.6, 2.0), "fails"), ((1.0, 0.6, 0.4), "fails")],
)
def test_an_optimum_is_better_than_none_and_than_the_most(
    distances: tuple[float, ...], verdict: str
) -> None:
    records = [guided(scale, d) for scale, d in zip((0.0, 0.3, 3.0), distances, strict=True)]
    finding = claims.guidance_has_an_optimum.check(records)
    assert finding.verdict == verdict
    assert "at scale 0.3" in finding.figures[0]


def test_an_optimum_needs_three_scales_and_a_network_that_errs() -> None:
    two = [guided(0.0, 1.0), guided(3.0, 2.0)]
    assert claims.guidance_has_an_optimum.check(two).verdict == "untested"
    exact = [guided(s, d, "digits_mixture") for s, d in ((0.0, 0.1), (0.3, 0.4), (3.0, 2.0))]
    finding = claims.guidance_has_an_optimum.check(exact)
    assert finding.verdict == "untested"
    assert "not claimed of an exact denoiser" in finding.figures[0]


@pytest.mark.parametrize(
    ("precision", "recall", "verdict"),
    [(0.9, 0.3, "holds"), (0.9, 0.8, "fails"), (0.4, 0.3, "fails")],
)
def test_fidelity_rises_and_diversity_falls(precision: float, recall: float, verdict: str) -> None:
    records = [
        guided(0.0, 1.0, precision=0.5, recall=0.5),
        guided(3.0, 2.0, precision=precision, recall=recall),
    ]
    assert claims.guidance_trades_diversity_for_fidelity.check(records).verdict == verdict


@pytest.mark.parametrize(("one", "verdict"), [(1.0, "holds"), (3.0, "fails")])
def test_one_call_is_put_beside_two_of_as_many_steps(one: float, verdict: str) -> None:
    def timed(batched: bool, nfe: int, seconds: float) -> Record:
        options: dict[str, Plain] = {"grid": "vp", "scale": 1.0, "batched": batched}
        times = [seconds * factor for factor in (1.0, 1.01, 1.02)]
        return made("classifier_free", nfe, "mlp_classes", options, *times)

    records = [timed(True, 20, one), timed(False, 40, 2.0), timed(False, 20, 0.1)]
    finding = claims.batched_guidance_is_cheaper.check(records)
    assert finding.verdict == verdict
    assert len(finding.figures) == 1


@pytest.mark.parametrize(("learned", "verdict"), [(0.5, "holds"), (1.5, "fails")])
def test_amed_is_put_beside_the_nearest_of_its_budget(learned: float, verdict: str) -> None:
    records = [
        made("amed", 5, "digits_mixture", {}, fd_coordinates=learned),
        made("dpmpp_2m", 5, "digits_mixture", {}, fd_coordinates=1.0),
        made("euler", 5, "digits_mixture", {}, fd_coordinates=4.0),
        made("euler", 10, "digits_mixture", {}, fd_coordinates=0.1),
        made("classifier_free", 5, "digits_mixture", {"scale": 1.0}, fd_coordinates=0.01),
    ]
    finding = claims.amed_leads_at_few_evaluations.check(records)
    assert finding.verdict == verdict
    assert "dpmpp_2m" in finding.figures[0]
    late = [made(name, 20, "mlp", {}, fd_coordinates=1.0) for name in ("amed", "euler")]
    assert claims.amed_leads_at_few_evaluations.check(late).verdict == "untested"


@pytest.mark.parametrize(("few", "verdict"), [(1.05, "holds"), (1.5, "fails")])
def test_improved_ddpm_is_held_to_its_own_full_count(few: float, verdict: str) -> None:
    records = [
        made("improved_ddpm", nfe, "mlp", {"grid": "cosine"}, fd_digits_cnn=distance)
        for nfe, distance in ((20, 0.5), (50, few), (100, few), (1000, 1.0))
    ]
    assert claims.improved_ddpm_needs_fewer_steps.check(records).verdict == verdict


@pytest.mark.parametrize(
    ("few", "verdict"),
    [
        ((0.99, 1.0, 1.01), "holds"),
        ((0.8, 1.0, 1.25), "untested"),  # that it is no farther is not shown
        ((1.3, 1.5, 1.6), "fails"),
    ],
)
def test_as_near_is_shown_by_the_whole_interval(few: tuple[float, ...], verdict: str) -> None:
    records = [
        made("improved_ddpm", nfe, "mlp", {"grid": "cosine"}, fd_digits_cnn=1.0)
        for nfe in (100, 1000)
    ]
    for one, distances in zip(records, (few, (1.0, 1.0, 1.0)), strict=True):
        one.trajectories["fd_digits_cnn"] = {i: [value] for i, value in enumerate(distances)}
    assert claims.improved_ddpm_needs_fewer_steps.check(records).verdict == verdict


@pytest.mark.parametrize(("straight", "verdict"), [(0.2, "holds"), (9.0, "fails")])
def test_a_straightened_flow_is_put_beside_the_flow(straight: float, verdict: str) -> None:
    records = [
        made("flow_euler", nfe, ground, {"shift": 1.0}, fd_coordinates=distance)
        for ground, nfe, distance in (
            *(("reflow", 2, straight), ("digits_mixture", 2, 3.0)),
            *(("reflow", 5, 9.0), ("digits_mixture", 5, 1.0)),
        )
    ]
    assert claims.reflow_makes_few_steps_usable.check(records).verdict == verdict


@pytest.mark.parametrize(("bent", "verdict"), [(0.01, "holds"), (0.5, "fails")])
def test_paths_of_a_straightened_flow_are_put_beside_the_flows(bent: float, verdict: str) -> None:
    records = [
        made("flow_euler", nfe, ground, {"shift": 1.0}, curvature=value)
        for ground, value in (("reflow", bent), ("digits_mixture", 0.2))
        for nfe in (2, 20)
    ]
    finding = claims.reflow_straightens.check(records)
    assert finding.verdict == verdict
    assert len(finding.figures) == 1  # the flow's own, whatever the budget


@pytest.mark.parametrize(("ours", "verdict"), [(0.5, "holds"), (1.5, "fails")])
def test_flows_trained_at_other_times_are_put_beside_each_other(ours: float, verdict: str) -> None:
    records = [
        made("flow_euler", nfe, ground, {"shift": 1.0}, fd_coordinates=distance / nfe)
        for ground, distance in (("mlp_flow", ours), ("mlp_flow_uniform", 1.0))
        for nfe in (5, 10)
    ]
    finding = claims.logit_normal_training_comes_nearer.check(records)
    assert finding.verdict == verdict
    assert len(finding.figures) == 2


@pytest.mark.parametrize(("one", "verdict"), [(1.02, "holds"), (4.0, "fails")])
def test_one_step_is_put_beside_its_teachers_fifty(one: float, verdict: str) -> None:
    records = [
        made("sid", 1, "digits_mixture", {}, fd_coordinates=one),
        made("heun", 50, "digits_mixture", {"grid": "karras"}, fd_coordinates=1.0),
        made("ddim", 50, "digits_mixture", {"grid": "vp"}, fd_coordinates=2.0),
        made("heun", 20, "digits_mixture", {"grid": "karras"}, fd_coordinates=0.1),
        made("heun", 50, "mlp", {"grid": "karras"}, fd_coordinates=0.1),
    ]
    finding = claims.one_step_is_near_its_teacher.check(records)
    assert finding.verdict == verdict
    assert "heun" in finding.figures[0]


def test_nothing_to_judge_is_untested() -> None:
    for claim in (
        claims.guidance_has_an_optimum,
        claims.guidance_trades_diversity_for_fidelity,
        claims.batched_guidance_is_cheaper,
        claims.amed_leads_at_few_evaluations,
        claims.improved_ddpm_needs_fewer_steps,
        claims.reflow_makes_few_steps_usable,
        claims.reflow_straightens,
        claims.logit_normal_training_comes_nearer,
        claims.one_step_is_near_its_teacher,
    ):
        finding = claim.check([])
        assert finding.verdict == "untested"
        assert len(finding.figures) == 1
