"""Links fitted to collectives over sizes: alpha and beta are found, told and drawn."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from suites.distributed import answers, links
from suites.distributed.charts import charts
from suites.distributed.sizes import calls, lines, phase, sizes
from suites.distributed.theory import ring_bytes

ALPHA_S, BETA = 1e-4, 2e9
PROBLEMS = {"AllReduce": "all_reduce", "AllToAll": "all_to_all", "Broadcast": "broadcast"}


def seconds(problem: str, size: int, ranks: int, wobble: float = 1.0) -> float:
    return wobble * (ALPHA_S + ring_bytes(PROBLEMS[problem], size, ranks) / BETA)


def record(problem: str, ranks: int = 2, rounds: int = 4, **values: int) -> Record:
    """Make the record of a collective over a link that is known, with rounds a little apart."""
    case = Case("distributed", PROBLEMS[problem], "m", problem, dict(values), ranks=ranks)
    asked = sizes(values["num_bytes"], values.get("from_bytes"))
    per_round = {(0, i): 1 + 0.01 * (i % 3 - 1) for i in range(rounds)}
    samples = {
        phase(size): {
            key: [[calls(size) * seconds(problem, size, ranks, wobble)]]
            for key, wobble in per_round.items()
        }
        for size in asked
    }
    if "from_bytes" not in values:
        samples = {
            "time": {k: [[v[0][0] / calls(asked[0])]] for k, v in samples[phase(asked[0])].items()}
        }
    return Record(case, "ok", samples=samples, units=dict.fromkeys(samples, "s"))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_a_known_link_is_found(problem: str, ranks: int) -> None:
    several = record(problem, ranks, num_bytes=1 << 24, from_bytes=1 << 10)
    (line,) = links.fitted([several])
    alpha, beta = line.link.alpha_s(), line.link.beta_bytes_per_s()
    assert alpha.low <= ALPHA_S <= alpha.high
    assert alpha.estimate == pytest.approx(ALPHA_S, rel=0.02)
    assert beta.estimate == pytest.approx(BETA, rel=0.02)
    told = links.columns([several])
    case = several.case.id
    assert told["alpha_low_s"][case] <= ALPHA_S <= told["alpha_high_s"][case]
    assert told["fitted_1024_s"][case] == pytest.approx(seconds(problem, 1024, ranks), rel=0.02)


def test_sizes_may_be_cases_of_their_own() -> None:
    apart = [record("AllReduce", num_bytes=size) for size in sizes(1 << 24, 1 << 10)]
    ((_, times),) = lines(apart)
    assert sorted(times) == sizes(1 << 24, 1 << 10)
    (line,) = links.fitted(apart)
    assert line.link.alpha_s().estimate == pytest.approx(ALPHA_S, rel=0.02)
    (answer,) = links.answers(apart)
    assert "all_reduce α 99.7 µs (" in answer.sentence
    assert "GB/s" in answer.sentence


def test_too_few_sizes_or_rounds_tell_no_more_than_they_know() -> None:
    assert not list(links.fitted([record("AllReduce", num_bytes=1 << 20)]))
    two = record("AllReduce", num_bytes=1 << 20, from_bytes=1 << 18)
    assert not answers.answers([two])
    once = record("AllReduce", rounds=1, num_bytes=1 << 20, from_bytes=1 << 10)
    (answer,) = answers.answers([once])
    assert "(one round)" in answer.sentence
    assert "alpha_low_s" not in links.columns([once])
    failed = Record(once.case, "incorrect", samples=once.samples)
    assert not links.answers([failed])


def test_flags_are_told_with_the_times() -> None:
    flagged = record("AllReduce", num_bytes=1 << 20, from_bytes=1 << 10)
    flagged.flags.append("contended")
    (answer,) = links.answers([flagged])
    assert answer.sentence.endswith("times are contended.")


@pytest.mark.parametrize("rounds", [1, 4])
def test_busbw_is_drawn_with_its_link(rounds: int) -> None:
    shared = {"outcome": "ok", "options": None, "flags": None, "device": "cpu", "dtype": "float32"}
    rows = []
    for ranks in (2, 4):
        for problem in PROBLEMS:
            one = record(problem, ranks, rounds, num_bytes=1 << 20, from_bytes=1 << 12)
            told = {name: own[one.case.id] for name, own in links.columns([one]).items()}
            phases = {f"{name}_s": one.figure_of(name) or 0.01 for name in one.samples}
            where = {"problem": problem, "variant": PROBLEMS[problem], "ranks": ranks}
            rows.append({**shared, **where, **told, **phases, "time_s": 0.1, **one.case.values})
    single = {**shared, "problem": "AllReduce", "variant": "all_reduce", "ranks": 2, "time_s": 1e-3}
    frame = pd.DataFrame([*rows, {**single, "num_bytes": 1 << 20}])
    (chart,) = charts(frame, pd.DataFrame())
    assert chart.title == "Collectives on cpu"
    chart.drawing.to_dict()
