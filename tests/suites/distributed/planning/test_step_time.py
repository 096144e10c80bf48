"""Times predicted from made-up runs: exact where the model holds, and caught where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bench.cases.case import Case
from bench.errors import UserError
from bench.judging.record import Record
from suites.distributed.planning.claims import a_step_is_predicted_at_a_world_size_never_fitted
from suites.distributed.planning.step_time import check, fit_rates
from suites.distributed.theory import PASSES, ring_bytes
from tests.suites.trained_by_ranks import training

PSI, FLOPS, RATE, ALPHA_S, BETA = 3e6, 15e9, 75e9, 1e-4, 1e9
COST = {"ddp": 0.5, "zero2": 1.5}
MOVED: Mapping[str, Mapping[str, float]] = {
    "ddp": {"all_reduce": PSI},
    "zero2": {"all_reduce": PSI / 2, "reduce_scatter": PSI},
}
PROBLEMS = {"AllReduce": "all_reduce", "ReduceScatter": "reduce_scatter"}


def samples(value_s: float, noise: np.random.Generator) -> dict[str, object]:
    drawn = value_s * np.exp(0.02 * noise.standard_normal(5))
    return {"time": {(0, i): [[float(v)]] for i, v in enumerate(drawn)}}


def bare_s(name: str, num_bytes: float, ranks: int) -> float:
    return PASSES[name] * (ranks - 1) * ALPHA_S + ring_bytes(name, num_bytes, ranks) / BETA


def made(sizes: tuple[int, ...], slower: float = 1.0, seed: int = 0) -> list[Record]:
    """Make a run that obeys the model, but for training on most ranks being `slower`."""
    noise, found = np.random.default_rng(seed), []
    for ranks in sizes:
        for name in ("single",) if ranks == 1 else COST:
            moved = {} if ranks == 1 else MOVED[name]
            bare = sum(bare_s(c, 4 * count, ranks) for c, count in moved.items())
            time = FLOPS / ranks / RATE + COST.get(name, 0.0) * bare
            time *= slower if ranks == max(sizes) else 1.0
            case = replace(training(name, "m", ranks), flops=int(FLOPS))
            values = {f"{c}_elements": count for c, count in moved.items()}
            found.append(Record(case, "ok", samples=samples(time, noise), values=values))  # type: ignore[arg-type]
        for problem, name in PROBLEMS.items() if ranks > 1 else ():
            for size in (1 << 12, 1 << 18, 1 << 23):
                case = Case("distributed", name, "m", problem, {"num_bytes": size}, ranks=ranks)
                drawn = samples(bare_s(name, size, ranks), noise)
                found.append(Record(case, "ok", samples=drawn))  # type: ignore[arg-type]
    return found


def test_a_run_that_obeys_gives_its_rates_back() -> None:
    rates = fit_rates(made((1, 2, 3, 4)), cores=64)
    assert rates.flops_per_s() == pytest.approx(RATE, rel=0.05)
    assert rates.links["all_reduce"].beta_bytes_per_s().estimate == pytest.approx(BETA, rel=0.1)
    assert list(rates.strategies) == ["ddp", "zero2"]
    assert rates.steps.costs[1:] == pytest.approx([0.5, 1.5], rel=0.3)


def test_what_is_held_out_is_within_its_error_or_said_to_be_not() -> None:
    claim = a_step_is_predicted_at_a_world_size_never_fitted.check
    found = [check(made((1, 2, 3, 4), seed=seed), 64) for seed in range(40)]
    assert np.mean([one.within for own in found for one in own]) > 0.94
    assert all(one.fitted_on == (1, 2, 3) for own in found for one in own)
    assert claim(made((1, 2, 3, 4))).verdict == "holds"
    assert claim(made((1, 2, 3, 4), slower=1.6)).verdict == "fails"
    assert claim(made((1, 2))).verdict == "untested"
    assert claim([]).verdict == "untested"


@pytest.mark.parametrize("kept", ["nothing", "training", "collectives", "one world size"])
def test_a_run_that_tells_too_little_is_refused(kept: str) -> None:
    whole = made((1, 2, 3))
    runs = {
        "nothing": [],
        "training": [r for r in whole if r.case.problem not in PROBLEMS],
        "collectives": [r for r in whole if r.case.problem in PROBLEMS],
        "one world size": [r for r in whole if r.case.ranks == 2],
    }
    with pytest.raises(UserError, match="expected a run that timed"):
        fit_rates(runs[kept], 64)
