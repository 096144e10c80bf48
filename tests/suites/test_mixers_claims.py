"""Claims on mixers, judged on made-up records; each can hold, and each can fail."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cases.case import Case
from bench.judging.record import Record
from suites.mixers import claims
from suites.mixers.answers import answers

LENGTHS = (256, 512, 1024, 2048)


def layer(variant: str, seqlen: int, power: float = 1.0, **values: float) -> Record:
    case = Case("mixers", variant, "m", "Layer", {"batch": 1, "seqlen": seqlen, "width": 4096})
    cost = 1e-6 * seqlen**power
    samples = {"time": {(0, k): [[cost * (1 + k / 1000)]] for k in range(5)}}
    return Record(case, "ok", samples=samples, values=values, units={"time": "s"})


def decoding(variant: str, context: int, **values: float) -> Record:
    case = Case("mixers", variant, "m", "Decoding", {"batch": 1, "context": context, "width": 8})
    return Record(case, "ok", values=values)


def learned(problem: str, variant: str, **quality: Sequence[float]) -> Record:
    values = {"seqlen": 32, "num_steps": 300}
    case = Case("mixers", variant, "m", problem, values, pass_="train")
    by_seed = {n: {seed: [v] for seed, v in enumerate(own)} for n, own in quality.items()}
    return Record(case, "ok", trajectories=by_seed)


def test_growth_is_judged_of_linear_mixers_alone() -> None:
    def judged(variant: str, power: float) -> list[str]:
        records = [
            layer(variant, n, power, sequence_flops=n**power, peak=n**power) for n in LENGTHS
        ]
        return [
            claim.check(records).verdict
            for claim in (
                claims.operations_are_linear,
                claims.memory_is_linear,
                claims.time_is_linear,
            )
        ]

    assert judged("retnet", 1.0) == ["holds"] * 3
    assert judged("retnet", 2.0) == ["fails"] * 3
    assert judged("attention", 2.0) == ["untested"] * 3


def test_a_state_is_constant_and_a_cache_is_not() -> None:
    def judged(variant: str, far: float) -> str:
        records = [decoding(variant, 1024, state=100.0), decoding(variant, 65536, state=far)]
        return claims.state_is_constant.check(records).verdict

    assert (judged("lru", 100.0), judged("lru", 101.0)) == ("holds", "fails")
    assert (judged("attention", 6400.0), judged("attention", 100.0)) == ("holds", "fails")


def test_decoded_tokens_are_those_of_the_layer() -> None:
    found = [
        claims.forms_are_equal.check([decoding("lru", 64, out_error_l2=error)]).verdict
        for error in (1e-7, 1e-3)
    ]
    assert found == ["holds", "fails"]


def test_units_are_compared_at_equal_parameters() -> None:
    plain = layer("attention", 256, num_parameters=200.0, sequence_flops=8.0)
    cheap = layer("gau", 256, num_parameters=100.0, sequence_flops=4.0)
    assert claims.gau_is_no_dearer.check([plain, cheap]).verdict == "fails"  # as long, half of it
    whole = layer("gau", 256, num_parameters=200.0, sequence_flops=4.0)
    assert claims.gau_is_no_dearer.check([plain, whole]).verdict == "holds"
    busy = layer("gau", 256, num_parameters=200.0, sequence_flops=9.0)  # as fast, by more products
    assert claims.gau_is_no_dearer.check([plain, busy]).verdict == "fails"


def test_a_past_that_is_not_told_fails() -> None:
    def judged(errors: Sequence[float]) -> str:
        record = learned("Reconstruction", "hippo_legs", error=errors, best_error=[0.0, 0.0])
        return claims.hippo_reconstructs_the_past.check([record]).verdict

    assert (judged([0.01, 0.011]), judged([0.2, 0.21]), judged([0.01])) == (
        "holds",
        "fails",
        "untested",
    )


def test_recall_is_told_where_attention_learned_it() -> None:
    def judged(best: float, own: float) -> str:
        records = [
            learned("AssociativeRecall", name, accuracy_share=[share, share + 0.001])
            for name, share in (("attention", best), ("lru", own))
        ]
        return claims.linear_time_costs_recall.check(records).verdict

    assert judged(0.98, 0.3) == "holds"
    assert judged(0.98, 0.97) == "fails"
    assert judged(0.5, 0.3) == "untested"


def test_answers_tell_the_fastest_what_is_kept_and_what_is_recalled() -> None:
    records = [
        *(layer(name, 256, power) for name, power in (("lru", 1.0), ("attention", 1.2))),
        decoding("lru", 64, state=1024.0),
        decoding("attention", 64, state=8192.0),
        learned("AssociativeRecall", "attention", accuracy_share=[0.98, 0.981]),
        learned("AssociativeRecall", "lru", accuracy_share=[0.3, 0.301]),
    ]
    first, kept, recalled = (answer.sentence for answer in answers(records))
    assert "a layer of 256 tokens" in first
    assert "take lru" in first
    assert "from 1 KiB by lru to 8 KiB by attention" in kept
    assert "lru recall less" in recalled
