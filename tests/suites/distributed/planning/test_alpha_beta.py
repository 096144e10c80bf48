"""Links and other sums of parts: exact where nothing errs, and intervals that cover the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bench.answers import LEVEL, Interval
from suites.distributed.planning.alpha_beta import AlphaBeta, Transfer, fit_alpha_beta
from suites.distributed.planning.fitted import Timed, fit

ALPHA_S, BETA = 50e-6, 2e9
SIZES = [1 << 10, 1 << 14, 1 << 17, 1 << 20, 1 << 24]


def transfers(
    noise: np.random.Generator | None = None,
    rounds: int = 5,
    sizes: Sequence[int] = SIZES,
    misfit: float = 0.0,
) -> list[Transfer]:
    """Draw transfers whose rounds err together and each alone, and whose sizes err for good."""
    draw = noise.standard_normal if noise else np.zeros
    together, bumps = 0.05 * draw(rounds), misfit * draw(len(sizes))
    return [
        Transfer(
            2,
            size,
            {
                (0, i): (2 * ALPHA_S + size / BETA) * np.exp(bump + together[i] + own)
                for i, own in enumerate(0.03 * draw(rounds))
            },
        )
        for size, bump in zip(sizes, bumps, strict=True)
    ]


def covers(found: Interval, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high


def test_a_link_without_noise_is_found_to_the_digit() -> None:
    found = fit_alpha_beta(transfers())
    assert found.alpha_s().estimate == pytest.approx(ALPHA_S)
    assert found.beta_bytes_per_s().estimate == pytest.approx(BETA)
    assert found.seconds(6, 5e6).estimate == pytest.approx(6 * ALPHA_S + 5e6 / BETA)
    assert found.scatter == pytest.approx(0, abs=1e-9)
    assert (found.alpha_s().rounds, found.alpha_s().sessions) == (5, 1)


@pytest.mark.parametrize("misfit", [0.0, 0.2])
def test_intervals_cover_what_is_true(misfit: float) -> None:
    """A size of its own erring for good is seen in no round; the distance from the line tells."""
    noise, seen = np.random.default_rng(1), list[tuple[bool, bool, bool]]()
    for _ in range(300):
        found = fit_alpha_beta(transfers(noise, misfit=misfit))
        new = (2 * ALPHA_S + (1 << 22) / BETA) * np.exp(misfit * noise.standard_normal())
        seen.append(
            (
                covers(found.alpha_s(), ALPHA_S),
                covers(found.beta_bytes_per_s(), BETA),
                covers(found.seconds(2, 1 << 22), new),
            )
        )
    assert (np.mean(seen, axis=0) > LEVEL - 0.03).all()


def test_small_and_large_transfers_count_alike() -> None:
    """By absolute error a large transfer that takes 2 % longer would make alpha what it likes."""
    slower = [
        Transfer(t.messages, t.num_bytes, {k: v * 1.02 for k, v in t.rounds.items()})
        if t.num_bytes == SIZES[-1]
        else t
        for t in transfers()
    ]
    assert fit_alpha_beta(slower).alpha_s().estimate == pytest.approx(ALPHA_S, rel=0.05)


def test_two_sizes_tell_a_link_and_not_how_well_it_is_one() -> None:
    noise = np.random.default_rng(2)
    found = fit_alpha_beta(transfers(noise, sizes=SIZES[::4]))
    assert found.scatter is None
    assert found.alpha_s().low is not None
    assert (found.seconds(2, 1e6).low, found.seconds(2, 1e6).high) == (None, None)


def test_one_round_gives_no_interval() -> None:
    found = fit_alpha_beta(transfers(rounds=1))
    assert found.alpha_s().estimate == pytest.approx(ALPHA_S)
    for one in (found.alpha_s(), found.beta_bytes_per_s(), found.seconds(2, 1e6)):
        assert (one.low, one.high, one.rounds) == (None, None, 1)


def test_what_cannot_be_told_is_refused() -> None:
    once = transfers(sizes=SIZES[:1])
    for unfit in (once, [*once, *once], []):
        with pytest.raises(ValueError, match="expected cases"):
            fit_alpha_beta(unfit)
    moved = [Transfer(t.messages, t.num_bytes, {(0, 9): 1.0}) for t in once]
    with pytest.raises(ValueError, match="same rounds"):
        fit_alpha_beta([*moved, *transfers()])


def test_no_cost_is_negative() -> None:
    falling = [Transfer(1, size, {(0, i): 1 / (1 + k) for i in range(3)})
               for k, size in enumerate(SIZES)]  # fmt: skip
    beta = fit_alpha_beta(falling).beta_bytes_per_s()
    assert (beta.estimate, beta.high) == (float("inf"), float("inf"))
    curved = [Transfer(1, size, {(0, i): size**1.2 for i in range(3)}) for size in SIZES]
    assert fit_alpha_beta(curved).alpha_s().estimate == 0


def test_sessions_are_not_pooled_and_uncommon_rounds_are_left_out() -> None:
    def doubled(found: list[Transfer]) -> list[Transfer]:
        return [
            Transfer(
                t.messages,
                t.num_bytes,
                {**t.rounds, **{(1, i): 2 * t.rounds[0, i] for i in range(2)}, (0, 50 + n): 1.0},
            )
            for n, t in enumerate(found)
        ]

    found: AlphaBeta = fit_alpha_beta(doubled(transfers()))
    assert found.alpha_s().estimate == pytest.approx(ALPHA_S)
    assert found.alpha_s().rounds == 5


@pytest.mark.parametrize("costs", [(3.0, 0.5, 7e-9), (1e-12, 2e-3, 4.0)])
def test_sums_of_more_parts_are_found_as_well(costs: tuple[float, ...]) -> None:
    noise = np.random.default_rng(3)
    parts = noise.uniform(0.1, 1, (8, 3)) / np.array(costs)
    cases = [Timed(tuple(row), {(0, 0): float(row @ np.array(costs))}) for row in parts]
    assert fit(cases).costs == pytest.approx(costs)
