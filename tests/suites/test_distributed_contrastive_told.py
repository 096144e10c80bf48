"""What records of contrastive losses tell: claims, an answer, a chart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from suites.distributed import answers, clip_gathered, clip_local, siglip_gathered, siglip_ring
from suites.distributed.charts import charts
from suites.distributed.theory import traffic
from tests.suites.trained_by_ranks import verdicts

BATCH, EMBEDDING = 1024, 32
WAYS: dict[str, Any] = {
    "clip_gathered": clip_gathered.Gathered,
    "clip_local": clip_local.Local,
    "siglip_gathered": siglip_gathered.GatheredTexts,
    "siglip_ring": siglip_ring.Ring,
}


def record(name: str, ranks: int, **more: float) -> Record:
    """Make the record of a way that holds and moves what it plans."""
    way, kind = WAYS.get(name), "Clip" if name.startswith("clip") else "Siglip"
    case = Case(
        "distributed", name, "m", f"{kind}Training", {"batch": BATCH, "embedding": EMBEDDING},
        pass_="train", ranks=ranks,
    )  # fmt: skip
    trajectories = {"loss": {0: [5.0, 4.0 + more.pop("apart", 0.0)]}}
    if way is None:
        return Record(case, "ok", trajectories=trajectories)
    logits, moved = (
        way.predicted_logits(BATCH, ranks),
        way.predicted_traffic(BATCH, ranks, EMBEDDING),
    )
    values = {
        "loss_peak": 8.0 * logits,
        "logits": 4.0 * logits,
        "logits_engine": 4.0 * logits,
        "logits_whole": 4.0 * BATCH**2,
        **{f"{collective}_elements": count for collective, count in moved.items()},
        "traffic_elements": traffic(moved),
        "traffic_engine_elements": traffic(moved),
    }
    return Record(case, "ok", values=values | more, trajectories=trajectories)


CLAIMS = (
    "siglip_holds_b_squared_logits",
    "siglip_gathers_nothing",
    "contrastive_logits_and_traffic_are_as_planned",
    "contrastive_loss_is_that_of_one_process",
)


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_claims_hold_of_what_is_planned_and_fail_of_more(ranks: int) -> None:
    alone = [record("siglip_alone", 1), record("clip_alone", 1)]
    own = [record(name, ranks) for name in WAYS]
    refused = [replace(record(name, 1), outcome="unsupported", trajectories={}) for name in WAYS]
    found = verdicts(*alone, *refused, *own)
    assert {found[name] for name in CLAIMS} == {"holds"}
    assert {verdicts()[name] for name in CLAIMS} == {"untested"}
    wrong = {"logits": 4.0 * BATCH**2, "send_elements": 1.0, "apart": 0.1}
    found = verdicts(*alone, record("siglip_ring", ranks, **wrong))
    assert {found[name] for name in CLAIMS} == {"fails"}
    gathers = verdicts(record("siglip_ring", ranks, all_gather_elements=100.0))
    assert gathers["siglip_gathers_nothing"] == "fails"


def test_the_ring_is_told_beside_the_others_at_the_most_ranks() -> None:
    told = [record(name, ranks) for name in WAYS for ranks in (2, 4)]
    (answer,) = answers.answers(told)
    assert answer.sentence == (
        "A contrastive loss over 4 ranks of 1024 pairs: siglip_ring holds 512 KiB on a rank; "
        "clip_local 2 MiB (4.0×), siglip_gathered 2 MiB (4.0×), clip_gathered 8 MiB (16.0×)."
    )
    assert not answers.answers([record("clip_local", 2)])


def test_memory_and_traffic_are_drawn() -> None:
    rows = []
    for one in (record(name, ranks) for name in WAYS for ranks in (2, 4)):
        units = {"loss_peak": "_bytes", "logits": "_bytes", "logits_engine": "_bytes"}
        told = {f"{name}{units.get(name, '')}": value for name, value in one.values.items()}
        where = {"problem": one.case.problem, "variant": one.case.variant, "device": "cpu"}
        shared = {"outcome": "ok", "options": None, "time_s": None, "ranks": one.case.ranks}
        rows.append({**shared, **where, **told, **one.case.values})
    (chart,) = charts(pd.DataFrame(rows), pd.DataFrame())
    assert chart.title == "CLIP against SigLIP on cpu"
    chart.drawing.to_dict()
