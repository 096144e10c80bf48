"""What is read of a run of samplers: claims on records whose law is known, charts, pictures."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.cases.case import Attempt, Case, Measurement, Plain
from bench.judging.claim import Claim, claims_of
from bench.judging.record import Record, fold_case
from suites.samplers import claims
from suites.samplers.charts import charts
from suites.samplers.front import front, front_in_words
from suites.samplers.ground import load_ground
from suites.samplers.mosaic import data_url, mosaic
from suites.samplers.orders import order_chart
from suites.samplers.preset import full, quick, smoke, standard


def record(
    variant: str, nfe: int, ground: str = "mixture2", **quality: tuple[float, ...]
) -> Record:
    """Return a record that is never timed; every quality has one value a seed."""
    grid = {"ddim": "vp", "ddpm": "vp"}.get(variant, "karras")
    options: dict[str, Plain] = {"grid": grid}
    values: dict[str, Plain] = {"ground": ground, "nfe": nfe, "num_images": 898}
    seeds = len(next(iter(quality.values())))
    case = Case("samplers", variant, "suites.samplers.made_up", "Sampling", values,
                options=options, rounds=0, quality_seeds=seeds)  # fmt: skip
    attempts = [
        Attempt(case.id, "check", 0, 0, "ok", measurements=[Measurement("nfe", "1", [float(nfe)])]),
        Attempt(case.id, "memory", 0, 0, "ok"),
    ]
    for seed in range(seeds):
        found = [Measurement(name, "1", [samples[seed]]) for name, samples in quality.items()]
        attempts.append(Attempt(case.id, "quality", 0, seed, "ok", measurements=found))
    return fold_case(case, attempts)


def solver(variant: str, nfe: int, error: float, order: float, observed: float) -> Record:
    """Return a record whose error varies over seeds, and by the same factor for every solver."""
    errors = tuple(error * factor for factor in (0.8, 1.0, 1.3))
    same = (order,) * 3
    return record(variant, nfe, error=errors, nominal_order=same, observed_order=(observed,) * 3)


def test_orders_are_judged_one_solver_at_a_time() -> None:
    right = [solver("euler", 10, 0.1, 1, 1.05), solver("heun", 10, 0.1, 2, 1.9)]
    assert claims.solvers_show_their_order.check(right).verdict == "holds"
    wrong = [*right, solver("unipc", 10, 0.1, 3, 2.1)]
    finding = claims.solvers_show_their_order.check(wrong)
    assert finding.verdict == "fails"
    assert "unipc[grid=karras] on mixture2: 2.10, published 3" in finding.figures
    assert claims.solvers_show_their_order.check([]).verdict == "untested"


def test_an_error_of_0_has_no_ratio_and_judges_nothing() -> None:
    exact = [solver("euler", 40, 0.0, 1, 1.0), solver("heun", 40, 0.1, 2, 2.0)]
    finding = claims.second_order_beats_first.check(exact)
    assert finding.verdict == "untested"
    assert "a value of 0" in finding.figures[0]


@pytest.mark.parametrize(("error", "verdict"), [(0.05, "holds"), (0.2, "fails")])
def test_second_order_is_compared_from_20_on(error: float, verdict: str) -> None:
    records = [
        solver("euler", 10, 0.2, 1, 1),
        solver("heun", 10, 0.9, 2, 2),  # below 20 nothing is claimed
        solver("euler", 40, 0.1, 1, 1),
        solver("heun", 40, error, 2, 2),
    ]
    finding = claims.second_order_beats_first.check(records)
    assert finding.verdict == verdict
    assert len(finding.figures) == 2
    assert "(not claimed)" in finding.figures[0]
    assert claims.second_order_beats_first.check(records[:2]).verdict == "untested"


def test_a_ratio_that_varies_over_seeds_cannot_tell() -> None:
    base = solver("euler", 40, 0.1, 1, 1)
    wild = record("heun", 40, error=(0.02, 0.1, 0.5), nominal_order=(2.0,) * 3,
                  observed_order=(2.0,) * 3)  # fmt: skip
    assert claims.second_order_beats_first.check([base, wild]).verdict == "untested"


@pytest.mark.parametrize(("distance", "verdict"), [(1.0, "holds"), (2.0, "fails")])
def test_ddim_stands_against_ddpms_full_count(distance: float, verdict: str) -> None:
    def of(variant: str, nfe: int, value: float) -> Record:
        return record(variant, nfe, fd_digits_cnn=(value, 1.01 * value, 0.99 * value))

    records = [of("ddpm", 1000, 1.0), of("ddim", 10, 0.1), of("ddim", 50, distance)]
    finding = claims.ddim_is_ddpm_in_fewer_steps.check(records)
    assert finding.verdict == verdict  # ten evaluations are too few to count
    assert "at 50" in finding.figures[0]
    assert claims.ddim_is_ddpm_in_fewer_steps.check(records[1:]).verdict == "untested"


@pytest.mark.parametrize(("early", "verdict"), [(1.02, "holds"), (1.6, "fails")])
def test_multistep_convergence(early: float, verdict: str) -> None:
    def of(nfe: int, value: float) -> Record:
        return record("unipc", nfe, fd_coordinates=(value, 1.01 * value, 0.99 * value))

    records = [of(10, 3.0), of(20, early), of(50, 1.1), of(100, 1.0)]
    finding = claims.multistep_is_converged_by_20.check(records)
    assert finding.verdict == verdict
    assert "that at 100" in finding.figures[0]
    assert claims.multistep_is_converged_by_20.check(records[:2]).verdict == "untested"


def test_what_failed_is_no_evidence() -> None:
    right = solver("euler", 40, 0.1, 1, 1)
    failed = Record(right.case, "incorrect", trajectories=right.trajectories)
    for claim in claims_of(claims):
        assert claim.check([failed]).verdict == "untested", claim.name


# Charts


def table() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, samples = [], []
    for variant, scale in (("ddim", 3.0), ("unipc", 1.0)):
        for nfe in (10, 20, 40):
            case = f"{variant}-{nfe}"
            distance = scale * 20 / nfe + 1
            rows.append(
                {
                    "case": case, "variant": variant, "options": "grid=vp", "outcome": "ok",
                    "ground": "posterior", "nfe": nfe, "measured_nfe": nfe, "batch": 32,
                    "time_s": nfe * 1e-3, "fd_digits_cnn": distance,
                    "fd_digits_cnn_low": distance - 0.5, "fd_digits_cnn_high": distance + 0.5,
                    "fd_floor": 2.0, "fd_n": 898.0, "error": scale / nfe if nfe < 40 else 0.0,
                    "other_image_share": 0.1, "overhead_share": 0.2,
                }
            )  # fmt: skip
            samples += [(case, "sample_pixels", 0, i, (i % 64) / 32 - 1) for i in range(16 * 64)]
    columns = ["case", "quantity", "seed", "index", "value"]
    return pd.DataFrame(rows), pd.DataFrame(samples, columns=columns)


def test_a_distance_to_statistics_has_no_floor() -> None:
    rows, samples = table()
    for names in (["fd_floor"], ["fd_floor", "error", "other_image_share"]):
        renamed = {c: c.replace("fd_digits_cnn", "fid_clean") for c in rows}
        found = charts(rows.drop(columns=names).rename(columns=renamed), samples)
        assert found[0].title == "FID (clean-fid's) on posterior"
        assert "against given statistics: no floor is known" in found[0].caption
        assert "floor is met" not in found[0].caption
        assert "strokeDash" not in json.dumps(found[0].drawing.to_dict())


def test_distances_of_fewer_images_are_drawn_apart() -> None:
    """They are larger, and of another floor: a curve through both would jump."""
    rows, samples = table()
    rows["num_images"] = 1000
    fewer = rows.iloc[:2].assign(num_images=500, nfe=100)
    titles = [chart.title for chart in charts(pd.concat([rows, fewer]), samples)]
    assert titles[0] == "FD(digits-cnn) on posterior (num_images=1000)"
    assert "FD(digits-cnn) on posterior (num_images=500)" in titles


def test_charts_tell_distance_error_and_samples() -> None:
    found = charts(*table())
    titles = [chart.title for chart in found]
    assert titles == [
        "FD(digits-cnn) on posterior",
        "Error of the solvers on posterior",
        "Samples on posterior",
    ]
    distance, error, pictures = found
    assert "where the floor is met" in distance.caption
    assert "2 cases without any error are not drawn" in error.caption
    assert "ddim 10.0%" in error.caption
    text = json.dumps(pictures.drawing.to_dict())
    assert text.count("data:image/png;base64,") == 6
    assert '"distance": "7"' in text  # 3 * 20 / 10 + 1, below the picture
    assert "http" not in text.replace("https://vega.github.io", "")


def test_a_table_without_times_or_images_is_drawn_as_far_as_it_goes() -> None:
    rows, samples = table()
    distance, _ = charts(rows.assign(time_s=float("nan")), samples.iloc[:0])
    assert "ms an image" not in distance.caption
    assert charts(rows.assign(outcome="incorrect"), samples) == []
    assert charts(rows[["case", "variant", "options", "outcome", "ground"]], samples) == []


def test_of_many_samplers_those_of_the_front_and_the_classics_have_a_colour() -> None:
    rows, samples = table()
    many = [rows] + [
        rows[rows["variant"] == "ddim"].assign(
            variant=f"slow_{i}", case=[f"slow_{i}-{n}" for n in range(3)],
            fd_digits_cnn=lambda own, i=i: own["fd_digits_cnn"] * (2 + i),
        )
        for i in range(30)
    ]  # fmt: skip
    distance, _, pictures = charts(pd.concat(many, ignore_index=True), samples)
    legends = json.loads(json.dumps(distance.drawing.to_dict()))
    domains = [d for d in _found(legends, "domain") if isinstance(d, list) and "ddim" in d]
    assert domains
    assert all({"unipc", "ddim"} <= set(names) and len(names) <= 8 for names in domains)
    assert "28 other samplers are grey" in distance.caption
    assert pictures.title == "Samples on posterior"


def _found(node: object, key: str) -> list[object]:
    """Return whatever stands under a key, anywhere in a specification."""
    if isinstance(node, list):
        return [one for part in node for one in _found(part, key)]
    if not isinstance(node, dict):
        return []
    deeper = [one for part in node.values() for one in _found(part, key)]
    return [*([node[key]] if key in node else []), *deeper]


def test_orders_are_drawn_beside_those_published() -> None:
    rows = pd.DataFrame(
        {
            "sampler": ["euler", "euler", "heun", "unipc"],
            "observed_order": [1.02, 1.04, float("nan"), 2.1],
            "nominal_order": [1.0, 1.0, 2.0, 3.0],
        }
    )
    chart = order_chart("mixture2", rows)
    assert chart is not None
    assert chart.caption.endswith("1 of 2 are within 0.2 of it. Not so: unipc 2.10 (3).")
    assert order_chart("mixture2", rows.assign(observed_order=float("nan"))) is None


def test_the_front_is_what_nothing_beats() -> None:
    rows = pd.DataFrame(
        {
            "sampler": ["a", "b", "c", "d", "e"],
            "cost": [10, 10, 20, 30, 40],
            "fd": [5.0, 7.0, 6.0, 1.5, 1.2],
            "fd_floor": [2.0] * 5,
        }
    )
    assert front(rows, "cost", "fd")["sampler"].tolist() == ["a", "d", "e"]
    words = front_in_words(rows, "cost", "fd", "evaluations")
    assert words == (
        "Pareto front by estimate, in evaluations: a at 10 (5), d at 30 (1.5), "
        "where the floor is met."
    )


def test_a_mosaic_lays_images_out_in_order(tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.repeat(np.linspace(-1, 1, 16), 64)
    picture = mosaic(pixels)
    assert picture is not None
    cell = len(picture) // 4
    shades = picture[cell // 2 :: cell, cell // 2 :: cell].reshape(-1)
    assert shades.tolist() == [round((p + 1) * 127.5) for p in np.linspace(-1, 1, 16)]
    assert mosaic(np.zeros(16 * 3 * 25)).shape[2] == 3  # type: ignore[union-attr]
    assert mosaic(np.zeros(17)) is None
    url = data_url(picture)
    encoded = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded))), picture)


# Presets


def test_presets_ask_what_they_should() -> None:
    for device in ("cpu", "cuda"):
        told = [s for s in smoke(device) if s.axes["ground"] == "digits_mixture"]
        budgets = {point["nfe"] for sweep in told for point in sweep.points({})}
        assert budgets == {*([5] if device == "cpu" else []), 10, 20, 50}
        assert all(load_ground(str(s.axes["ground"])).exact for s in smoke(device))  # untrained
    for preset in (quick, standard):
        asked = [point for sweep in preset("cpu") for point in sweep.points({})]
        assert {2, 5, 10, 20, 50, 100, 1000} <= {point["nfe"] for point in asked}
        full_count = [
            sweep
            for sweep in preset("cpu")
            if any(point["nfe"] == 1000 for point in sweep.points({}))
        ]
        assert full_count
        assert all(sweep.wanted == ("full count",) for sweep in full_count)
    assert len(full("cuda")) > len(standard("cuda"))


@pytest.mark.parametrize("claim", claims_of(claims), ids=lambda claim: claim.sentence[:30])
def test_a_sampler_without_quality_is_claimed_nothing_of(claim: Claim) -> None:
    """Its quality failed, and the case is `ok`; those of its rivals are still judged."""
    records = [
        record(variant, nfe, fd_coordinates=() if failed == variant else (1.0, 1.1))
        for failed in ("ddpm", "unipc")
        for variant, nfe in (("ddpm", 1000), ("ddim", 50), ("unipc", 20), ("unipc", 50))
    ]
    assert all(one.outcome == "ok" for one in records)
    assert claim.check(records).verdict in ("holds", "fails", "untested")
