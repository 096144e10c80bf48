"""What the sigmoid loss saves over the softmax, in words and as a chart. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from bench.answers import Answer, Record, counted, size
from bench.charts import COLOURS, Chart
from suites.distributed.contrastive_claims import PROBLEMS, RING

PARTS = ("all_gather", "reduce_scatter", "send")
CAPTION = (
    "The loss alone, forward and backward, from embeddings on. Left the most bytes alive that it "
    "makes on a rank; the red tick is its largest block of logits by formula: 4 B^2 where every "
    "rank computes all, 4 B^2/N by rows, 4 (B/N)^2 around the ring, for a global batch of B. Right "
    "the elements it hands to collectives, in B x D, the embeddings of one side."
)


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what the ring holds and sends beside the others, at the most ranks."""
    told = [
        record
        for record in records
        if record.case.problem in PROBLEMS
        and record.outcome == "ok"
        and record.case.ranks > 1
        and "loss_peak" in record.values
    ]
    rings = [record for record in told if record.case.variant == RING]
    if not rings:
        return []
    ring = max(rings, key=lambda record: record.case.ranks)
    others = [
        record
        for record in told
        if (record.case.ranks, record.case.values) == (ring.case.ranks, ring.case.values)
        and record is not ring
    ]
    own = ring.values["loss_peak"]
    beside = ", ".join(
        f"{record.case.variant} {size(record.values['loss_peak'])} "
        f"({record.values['loss_peak'] / own:.1f}×)"
        for record in sorted(others, key=lambda record: record.values["loss_peak"])
    )
    return [
        Answer(
            f"A contrastive loss over {counted(ring.case.ranks, 'rank')} of "
            f"{counted(int(ring.case.values['batch'] or 0), 'pair')}: {RING} holds {size(own)} "
            f"on a rank{'; ' if beside else ''}{beside}.",
            [ring, *others],
        )
    ]


def chart(rows: pd.DataFrame) -> Chart:
    """Draw bytes and traffic of the loss at every number of ranks of a device."""
    data = rows.assign(
        name=[f"{v}, N = {n:.0f}" for v, n in zip(rows["variant"], rows["ranks"], strict=True)],
        mebibytes=rows["loss_peak_bytes"] / 2**20,
        logits=rows["logits_engine_bytes"] / 2**20,
    )
    y = alt.Y("name:N", title=None, sort=sorted(data["name"]))
    held = ["name", "ranks", "mebibytes", "logits"]
    base = alt.Chart(data[held], width=250, height=24 * len(data))
    colour = alt.Color("ranks:N", scale=alt.Scale(range=list(COLOURS)), legend=None)
    bars = base.mark_bar().encode(
        x=alt.X("mebibytes:Q", title="most alive in the loss (MiB)"), y=y, color=colour,
        tooltip=["name:N", *(alt.Tooltip(f"{c}:Q", format=".4g") for c in held[2:])],
    )  # fmt: skip
    ticks = base.mark_tick(thickness=3, size=16, color="#d1242f").encode(x="logits:Q", y=y)
    panels: list[alt.LayerChart | alt.FacetChart | alt.Chart] = [alt.layer(bars, ticks)]
    moved = _moved(data)
    if not moved.empty:
        elements = alt.X("sum(elements):Q", title="elements of a step's loss (B x D)")
        part = alt.Color("part:N", title=None, scale=alt.Scale(range=list(COLOURS)))
        traffic = alt.Chart(moved, width=250, height=24 * len(data)).mark_bar()
        panels.append(traffic.encode(x=elements, y=y, color=part, tooltip=list(moved.columns)))
    drawing = alt.hconcat(*panels, spacing=28).resolve_scale(color="independent")
    return Chart(f"CLIP against SigLIP on {rows['device'].iloc[0]}", CAPTION, drawing)


def _moved(data: pd.DataFrame) -> pd.DataFrame:
    """Return one row a case and collective, in embeddings of one side."""
    side = data["batch"] * data["embedding"]
    frames = [
        pd.DataFrame(
            {
                "name": data["name"],
                "part": part.replace("_", " "),
                "elements": data[f"{part}_elements"] / side,
            }
        )
        for part in PARTS
        if f"{part}_elements" in data
    ]
    return pd.concat(frames).dropna() if frames else pd.DataFrame()
