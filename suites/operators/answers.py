"""Which form of an operator to take, and what the losses need by batch. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import Answer, Ranking, Record, name_of, rankings, size, span, tied

QUESTION = "Which form of the operators around attention to take?"
MOST = 3
PAIR = ("softmax_whole", "sigmoid_chunked")
OPERATORS = {
    "NearestUpsampling": "Upsampling to the nearest",
    "BilinearUpsampling": "Bilinear upsampling",
    "LearnedUpsampling": "Learned upsampling",
    "GumbelSoftmax": "A Gumbel-softmax choice",
    "CodebookLookup": "A codebook's lookup",
    "SoftmaxContrastive": "The softmax loss",
    "SigmoidContrastive": "The sigmoid loss",
}
SIZES = ("batch", "side", "rows", "vectors", "codes")


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what the two losses need at the largest batch, then what is fastest, largest first."""
    found = rankings(list(records))
    by_problem = {ranking.fastest.case.problem: ranking for ranking in found}  # the last of each
    return [*_memory(records), *map(_fastest, by_problem.values())][:MOST]


def _memory(records: Sequence[Record]) -> list[Answer]:
    """Say the peaks of the two losses: counted, and so without an interval."""
    peaks: dict[object, dict[str, Record]] = {}
    for record in records:
        case = record.case
        if case.variant in PAIR and record.outcome == "ok" and record.values.get("peak"):
            peaks.setdefault((case.values["batch"], case.pass_), {})[case.variant] = record
    both = [pair for pair in peaks.values() if len(pair) == len(PAIR)]
    if not both:
        return []
    softmax, sigmoid = (max(both, key=_batch)[name] for name in PAIR)
    told = " and ".join(size(record.values["peak"]) for record in (softmax, sigmoid))
    batch = softmax.case.values["batch"]
    return [
        Answer(
            f"A batch of {batch} pairs takes {told} with CLIP's softmax loss and SigLIP's sigmoid "
            "loss in chunks.",
            [softmax, sigmoid],
        )
    ]


def _batch(pair: dict[str, Record]) -> float:
    return float(str(pair[PAIR[0]].case.values["batch"]))


def _fastest(ranking: Ranking) -> Answer:
    case = ranking.fastest.case
    field = [case, *(rival.record.case for rival in ranking.rivals)]
    sizes = ", ".join(f"{name} {case.values[name]}" for name in SIZES if name in case.values)
    what = f"{OPERATORS.get(case.problem, case.problem)} ({sizes}, {case.pass_})"
    if ranking.tied:
        names = [
            name_of(r.case, field) for r in (ranking.fastest, *(t.record for t in ranking.tied))
        ]
        return Answer(f"{what}: {tied(names)}.", [ranking.fastest])
    nearest = ranking.rivals[0]
    ahead = span(nearest.ratio.low or 0.0, nearest.ratio.high or 0.0)
    than = name_of(nearest.record.case, field)
    take = name_of(case, field)
    return Answer(f"{what}: take {take}, {ahead} as fast as {than}.", [ranking.fastest])
