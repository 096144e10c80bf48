"""Claims of what needs no training, over records whose law is known."""

from __future__ import annotations

import pytest

from bench.judging.record import Record
from suites.samplers import claims
from tests.suites.test_samplers_claims import made


def skipping(scale: float, distance: float, nfe: int = 9) -> Record:
    options = {"grid": "karras", "skip_scale": scale}
    return made("skip_tuning", nfe, "unet", options, fd_digits_cnn=distance)  # type: ignore[arg-type]


@pytest.mark.parametrize(("tuned", "verdict"), [(0.8, "holds"), (1.2, "fails")])
def test_the_best_scale_of_skips_is_put_beside_the_networks_own(tuned: float, verdict: str) -> None:
    records = [skipping(1.0, 1.0), skipping(0.9, tuned), skipping(0.7, 5.0), skipping(0.9, 0.1, 19)]
    finding = claims.skip_tuning_is_nearer.check(records)
    assert finding.verdict == verdict
    assert len(finding.figures) == 1
    assert "at scale 0.9, the best of 2" in finding.figures[0]


@pytest.mark.parametrize(("guided", "verdict"), [(2.0, "holds"), (30.0, "fails")])
def test_guidance_is_put_beside_the_network_alone(guided: float, verdict: str) -> None:
    def above(scale: float, distance: float, ground: str) -> Record:
        options = {"grid": "cosine_shifted", "upsample_scale": scale}
        found = {"fd_coordinates": distance, "fd_floor": 0.5}
        return made("upsample_guidance", 20, ground, options, **found)  # type: ignore[arg-type]

    exact = [above(scale, 1.0, "digits_mixture16") for scale in (0.0, 1.0)]
    records = [*exact, above(0.0, 20.0, "unet16"), above(1.0, guided, "unet16")]
    finding = claims.guided_by_its_low_resolution_is_nearer.check(records)
    assert finding.verdict == verdict
    assert len(finding.figures) == 1
    assert f"{guided / 0.5:g} times that of real images" in finding.figures[0]


@pytest.mark.parametrize(("shifted", "verdict"), [(0.8, "holds"), (1.2, "fails")])
def test_a_shift_is_claimed_above_the_trained_resolution_alone(
    shifted: float, verdict: str
) -> None:
    records = [
        made("ddim", nfe, ground, {"grid": grid, "eta": 0.0}, fd_coordinates=distance)
        for ground, nfe, grid, distance in (
            ("digits_mixture16", 10, "cosine", 1.0),
            ("digits_mixture16", 10, "cosine_shifted", shifted),
            ("digits_mixture16", 20, "cosine", 1.0),
            ("digits_mixture16", 20, "cosine_shifted", 3.0),
            ("digits_mixture", 10, "cosine", 1.0),
            ("digits_mixture", 10, "cosine_shifted", 3.0),
        )
    ]
    check = claims.shifted_schedule_helps_above_the_trained_resolution.check
    finding = check(records)
    assert finding.verdict == verdict
    assert [figure.endswith("(not claimed)") for figure in finding.figures] == [False, True, True]
    flow = [
        made("flow_euler", 5, "unet16", {"shift": shift}, fd_coordinates=distance)
        for shift, distance in ((1.0, 1.0), (2.0, shifted))
    ]
    assert check(flow).verdict == verdict
    assert check(records[4:]).verdict == "untested"


def test_nothing_to_judge_is_untested() -> None:
    for claim in (
        claims.skip_tuning_is_nearer,
        claims.guided_by_its_low_resolution_is_nearer,
        claims.shifted_schedule_helps_above_the_trained_resolution,
    ):
        finding = claim.check([skipping(0.9, 1.0)])
        assert finding.verdict == "untested"
        assert len(finding.figures) == 1
