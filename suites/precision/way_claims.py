"""Claims on how a step is taken: in which type gradients are summed, what is kept. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, claim, together
from suites.precision.claimed import MIXED, where
from suites.precision.naming import WAYS

LOST = 1.2  # times the error of one sum, beyond which adding up has cost something
KEPT = 1.1  # times it, within which it has not
LESS = 0.9  # of the bytes: "fewer" is more than a few buffers


@claim(f"{MIXED}, section 3.3: sums of 16-bit numbers are made in float32")
def gradients_summed_in_16_bits_lose(records: Sequence[Record]) -> Finding:
    """Gradients of micro batches err more than those of one if summed in BF16, not in FP32."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for policy, loses in (("bf16_pure", True), ("bf16_autocast", False)):
        for whole, summed in _beside(records, policy, "micro_batches"):
            errors = [record.values.get("grad_error_l2") for record in (whole, summed)]
            if not errors[0] or errors[1] is None:
                continue
            times, count = errors[1] / errors[0], summed.case.values["micro_batches"]
            judged.append("holds" if (times > LOST if loses else times < KEPT) else "fails")
            figures.append(
                f"{policy}, {where(summed.case)}, {count} micro batches: {times:.2f} times the "
                "error of one"
            )
    return Finding(together(judged), figures or ["no case of micro batches beside one of a batch"])


@claim("Chen et al. 2016, arXiv:1604.06174")
def checkpointing_keeps_fewer_activations(records: Sequence[Record]) -> Finding:
    """Under every policy, computing layers again in backward keeps fewer bytes of activations."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for policy in sorted({record.case.variant for record in records}):
        for plain, again in _beside(records, policy, "checkpointing"):
            kept = [record.values.get("activations") for record in (plain, again)]
            if kept[0] and kept[1] is not None:
                judged.append("holds" if kept[1] < LESS * kept[0] else "fails")
                figures.append(f"{policy}, {where(again.case)}: {kept[1] / kept[0]:.2f} of them")
    return Finding(together(judged), figures or ["no case of checkpointing beside one without"])


def _beside(records: Sequence[Record], policy: str, way: str) -> Iterator[tuple[Record, Record]]:
    """Pair what was asked plainly with what differs from it in one way alone, at the same sizes."""
    own = [r for r in records if r.case.variant == policy and r.outcome == "ok"]
    plain = {_asked(r): r for r in own if not any(r.case.values.get(w) for w in WAYS)}
    for record in own:
        others = [w for w in WAYS if w != way and record.case.values.get(w)]
        if record.case.values.get(way) and not others and _asked(record) in plain:
            yield plain[_asked(record)], record


def _asked(record: Record) -> tuple[object, ...]:
    case = record.case
    sizes = {k: v for k, v in case.values.items() if k not in (*WAYS, "num_steps")}
    options = [(k, v) for k, v in case.options.items() if v is not None]
    return (case.problem, case.device, *sorted(map(str, sizes.items())), *map(str, options))
