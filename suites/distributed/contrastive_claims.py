"""What SigLIP's paper says of its loss over ranks, put to a run. Torch-free.

B is the global batch, b = B / N a rank's own, D the width of an embedding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, claim, together
from suites.distributed.loss_gap import loss_gap

PROBLEMS = ("ClipTraining", "SiglipTraining")
RING = "siglip_ring"
SIGLIP = "Zhai et al. 2023, arXiv:2303.15343, section 3.3"
LOSS_WITHIN = 1e-4  # of the first loss, as of every strategy


@claim(SIGLIP)
def siglip_holds_b_squared_logits(records: Sequence[Record]) -> Finding:
    """SigLIP around a ring holds b^2 logits at a time, b = B / N, and never the whole B^2."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _over_ranks(records):
        if record.case.variant != RING:
            continue
        values, ranks = record.values, record.case.ranks
        of_b = 4 * (_batch(record) // ranks) ** 2
        # logits and what becomes of them are two such blocks; embeddings are small beside these
        judged.append("holds" if values["logits"] == of_b else "fails")
        judged.append("holds" if values["loss_peak"] < values["logits_whole"] else "fails")
        figures.append(
            f"N = {ranks}, B = {_batch(record)}: largest tensor {values['logits']:.0f} bytes, "
            f"4 b^2 = {of_b}, 4 B^2 = {values['logits_whole']:.0f}; most alive in the loss "
            f"{values['loss_peak']:.0f}{_beside(record, records)}"
        )
    return _finding(judged, figures)


@claim(SIGLIP)
def siglip_gathers_nothing(records: Sequence[Record]) -> Finding:
    """SigLIP around a ring passes b x D texts on and gathers nothing."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _over_ranks(records):
        if record.case.variant != RING:
            continue
        ranks, values = record.case.ranks, record.values
        texts = _batch(record) // ranks * int(record.case.values["embedding"] or 0)
        sent, planned = values.get("send_elements", 0.0), 2 * (ranks - 1) * texts
        gathered = values.get("all_gather_elements", 0.0)
        judged.append("holds" if sent == planned and not gathered else "fails")
        figures.append(
            f"N = {ranks}: {sent:.0f} elements sent, of texts and of their gradients "
            f"2 (N-1) b D = {planned}; {gathered:.0f} gathered"
        )
    return _finding(judged, figures)


@claim("each way's own accounting, made from batch and ranks: suites/distributed")
def contrastive_logits_and_traffic_are_as_planned(records: Sequence[Record]) -> Finding:
    """A contrastive loss holds the logits and moves the elements that its formula says."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _over_ranks(records):
        values = record.values
        for name, unit in (("logits", ""), ("traffic", "_elements")):
            found, planned = values[f"{name}{unit}"], values[f"{name}_engine{unit}"]
            judged.append("holds" if found == planned else "fails")
        figures.append(
            f"{record.case.variant}, N = {record.case.ranks}: logits {values['logits']:.0f} bytes, "
            f"planned {values['logits_engine']:.0f}; {values['traffic_elements']:.0f} elements, "
            f"planned {values['traffic_engine_elements']:.0f}"
        )
    return _finding(judged, figures)


@claim("Radford et al. 2021, arXiv:2103.00020, figure 3; " + SIGLIP)
def contrastive_loss_is_that_of_one_process(records: Sequence[Record]) -> Finding:
    """Every way over ranks follows the loss of one process with the whole batch."""
    of_one = [r for r in records if r.case.problem in PROBLEMS and r.case.ranks == 1]
    alone = {_asked(r): r for r in of_one if r.outcome == "ok"}  # ways over ranks are unsupported
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _over_ranks(records):
        gap = loss_gap(record, alone.get(_asked(record)))
        if gap is not None:
            judged.append("holds" if gap <= LOSS_WITHIN else "fails")
            figures.append(
                f"{record.case.variant}, N = {record.case.ranks}: at most {gap:.1e} of the first "
                "loss apart at any step"
            )
    return _finding(judged, figures)


def _beside(record: Record, records: Sequence[Record]) -> str:
    """Tell what the other ways hold at the same batch and ranks."""
    others = [
        f"{other.case.variant} {other.values['loss_peak']:.0f}"
        for other in _over_ranks(records)
        if other.case.ranks == record.case.ranks
        and other.case.values == record.case.values
        and other is not record
    ]
    return f" ({', '.join(others)})" if others else ""


def _over_ranks(records: Sequence[Record]) -> Iterator[Record]:
    """Yield steps over ranks that passed their check and accounted for their loss."""
    for record in records:
        asked = record.case.problem in PROBLEMS and record.case.ranks > 1
        if asked and record.outcome == "ok" and "loss_peak" in record.values:
            yield record


def _asked(record: Record) -> tuple[object, ...]:
    case = record.case
    return (case.problem, *sorted(case.values.items()), case.dtype, case.device)


def _batch(record: Record) -> int:
    return int(record.case.values["batch"] or 0)


def _finding(judged: list[Verdict], figures: list[str]) -> Finding:
    return Finding(
        together(judged), figures or ["no contrastive loss over ranks was accounted for"]
    )
