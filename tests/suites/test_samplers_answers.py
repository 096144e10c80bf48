"""How many steps are enough, over distances whose law and noise are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from bench.cases.case import Case, Plain
from bench.judging.record import Record
from suites.samplers.answers import answers, columns
from suites.samplers.enough import by_sampler, contests, least_settled

SEEDS = (0.98, 1.0, 1.02)  # what the images of a seed make of every distance alike
OWN = {"ddpm": (1.01, 1.0, 0.99), "unipc": (1.0, 1.0, 1.0)}  # and what is a sampler's own
FLOOR = 0.03


def record(
    variant: str, nfe: int, distance: float | Sequence[float], time_s: float | None = None,
    ground: str = "digits_mixture", floor: float = FLOOR, spent: int | None = None, batch: int = 32,
) -> Record:  # fmt: skip
    values: dict[str, Plain] = {"ground": ground, "nfe": nfe, "batch": batch, "num_images": 2000}
    case = Case("samplers", variant, "m", "Sampling", values, quality_seeds=3)
    if isinstance(distance, float):
        own = OWN.get(variant, (0.995, 1.0, 1.005))
        distance = [distance * s * o for s, o in zip(SEEDS, own, strict=True)]
    kept = {
        "fd_coordinates": {seed: [value] for seed, value in enumerate(distance)},
        "fd_floor": {seed: [floor * s] for seed, s in enumerate(SEEDS)},
    }
    times = {(0, i): [[time_s * s]] for i, s in enumerate(SEEDS)} if time_s else {}
    return Record(
        case, "ok", samples={"time": times} if times else {},
        values={"nfe": float(spent or nfe)}, trajectories=kept,
    )  # fmt: skip


def curve(variant: str, at: dict[int, float], an_evaluation_s: float = 1e-3) -> list[Record]:
    return [record(variant, nfe, value, nfe * an_evaluation_s) for nfe, value in at.items()]


UNIPC = curve("unipc", {5: 0.4, 10: 0.1, 20: 0.06, 50: 0.06})
EULER = curve("euler", {5: 4.0, 10: 1.0, 20: 0.3, 50: 0.08})
DDPM = curve("ddpm", {5: 3.6, 10: 1.1, 20: 0.4, 50: 0.1}, 1.2e-3)


def test_the_cheapest_within_noise_of_the_best_is_enough_and_what_it_saves_is_told() -> None:
    enough, gain, limits = [a.sentence for a in answers([*EULER, *DDPM, *UNIPC])]
    assert enough.startswith(
        "On digits_mixture 20 evaluations are enough: unipc is there nearest of all, up to 50 "
    )
    assert "(FD(coordinates) 0.06 (0.057–0.063), floor 0.03)" in enough
    assert "at 5 unipc is 6.67× as far, at 10 unipc is 1.67× as far" in enough
    assert gain.startswith("What DDPM reaches in 50 evaluations (FD(coordinates) 0.1 ")
    assert "unipc reaches in 10: 5× fewer evaluations, 6.00× less time." in gain
    assert limits == (
        "Within noise of their own limits: by 20 unipc; "
        "not before 50, the most asked, euler and ddpm."
    )


def test_one_that_is_within_noise_of_the_best_and_cheaper_is_enough() -> None:
    early = record("ipndm", 10, (0.0605, 0.0595, 0.061))
    found = answers([*UNIPC[:1], *UNIPC[2:], early])[0].sentence
    assert "10 evaluations are enough: ipndm is there within noise of the best of all, " in found
    assert "unipc at 20: " in found


def test_what_is_within_noise_of_real_images_is_enough() -> None:
    good = curve("unipc", {5: 0.4, 10: 0.0301, 20: 0.02})
    (enough, _) = [a.sentence for a in answers(good)]
    assert "10 evaluations are enough: unipc is there within noise of real images" in enough


def test_evaluations_that_were_spent_count_and_ties_are_named() -> None:
    tie = [record("heun", 10, 0.06, spent=9), record("other", 10, 0.06, spent=9)]
    later = [record("unipc", 10, 0.06), record("unipc", 20, 0.06)]
    found = answers([*tie, *later, record("euler", 10, 2.0)])[0].sentence
    assert "9 evaluations are enough: " in found
    assert "heun and other are there within noise of " in found


def test_where_the_largest_budget_alone_is_near_none_is_shown_to_be_enough() -> None:
    (found, limits) = [a.sentence for a in answers(EULER)]
    assert "no budget is shown to be enough: euler at 50, the most asked, is nearest (" in found
    assert found.endswith("larger budgets would show whether it still falls.")
    assert limits == "No sampler is within noise of its own limit before 50, the most asked."


@pytest.mark.parametrize(
    ("distances", "settles"),
    [
        ([(16.0, 30.0, 22.0), (25.0, 18.0, 31.0)], "would"),
        ([(16.0,), (25.0,)], "two seeds or more would tell"),
    ],
)
def test_where_noise_hides_all_it_is_said_with_what_would_settle_it(
    distances: list[tuple[float, ...]], settles: str
) -> None:
    records = [
        record(v, n, d, floor=25.0)
        for v, d in zip(("ddim", "euler"), distances, strict=True)
        for n in (10, 40)
    ]
    (found,) = [a.sentence for a in answers(records)]
    assert found.startswith("On digits_mixture it cannot be told: FD(coordinates) of ")
    assert settles in found


def test_a_distance_of_0_has_no_ratio_and_is_no_evidence() -> None:
    records = [record("ddim", n, (0.0, 0.1, 0.2)) for n in (10, 40)]
    assert "cannot be told" in answers(records)[0].sentence


def test_the_ground_that_tells_is_spoken_of() -> None:
    flat = [record(v, n, 25.0, ground="posterior", floor=25.0) for v in "abcdef" for n in (5, 10)]
    assert answers([*flat, *UNIPC])[0].sentence.startswith("On digits_mixture ")


def test_times_an_image_pair_whatever_the_batch() -> None:
    few = [record("ddpm", 1000, 0.06, 8e-3, batch=8), record("ddpm", 5, 2.0, 1e-3)]
    found = answers([*few, record("unipc", 20, 0.06, 16e-3), record("unipc", 5, 1.0, 4e-3)])
    gain = next(a.sentence for a in found if a.sentence.startswith("What DDPM"))
    assert gain.endswith("unipc reaches in 20: 50× fewer evaluations, 2.00× less time.")


def test_failures_and_records_without_distance_say_nothing() -> None:
    assert answers([]) == []
    assert answers([Record(r.case, "incorrect", trajectories=r.trajectories) for r in UNIPC]) == []
    assert answers([Record(r.case, "ok") for r in UNIPC]) == []


def test_the_least_budget_must_stay_within_noise_from_there_on() -> None:
    bumpy = curve("unipc", {5: 0.06, 10: 0.5, 20: 0.06, 50: 0.06})
    (contest,) = contests(bumpy)
    (own,) = by_sampler(contest).values()
    assert least_settled(contest, own).case.values["nfe"] == 20
    assert math.isclose(contest.over(own[1], own[3]).estimate, 0.5 / 0.06)  # type: ignore[union-attr]


def test_the_most_that_was_asked_is_each_samplers_own() -> None:
    asked = [*curve("ddim", {5: 9.0, 20: 5.0, 50: 0.5}), *curve("euler", {5: 9.0, 10: 5.0})]
    told = next(a.sentence for a in answers([*asked, *UNIPC]) if "limits" in a.sentence)
    assert "not before the most asked of each, 10–50, ddim and euler" in told


def test_every_row_of_a_sampler_tells_where_it_settles_and_of_one_that_falls_none_does() -> None:
    settling = curve("unipc", {5: 0.5, 20: 0.06, 50: 0.06})
    falling = curve("ddim", {5: 9.0, 20: 5.0, 50: 0.5})
    found = columns([*settling, *falling])["settled_nfe"]
    assert found == {record.case.id: 20 for record in settling}


def test_the_time_of_a_call_is_parted_by_what_a_sampler_adds() -> None:
    timed = record("ddim", 10, 0.5, time_s=3e-3)
    assert columns([timed])["network_s"] == {}  # nobody measured what it adds
    timed.samples["overhead_share"] = {(0, 0): [[0.5]], (0, 1): [[0.5]]}
    found = columns([timed])
    (inside,), (outside,) = found["network_s"].values(), found["outside_network_s"].values()
    assert math.isclose(inside, 2e-3, rel_tol=1e-3)
    assert math.isclose(inside, 2 * outside)


def test_what_stands_alone_is_compared_with_nothing() -> None:
    (only,) = [a.sentence for a in answers([record("ddim", 10, 0.5)])]
    assert "ddim at 10 evaluations is all that was measured" in only
