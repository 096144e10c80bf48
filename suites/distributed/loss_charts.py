"""How far losses lie from those of one process, step by step: drawn themselves they coincide."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart
from suites.distributed.loss_gap import LOSS_WITHIN
from suites.distributed.named import asked, sizes

LEAST = 1e-9  # what is drawn of no difference: a logarithm has no 0
DASHES = ((1, 0), (5, 3), (2, 2))  # one for each time that the colours are gone through
CAPTION = (
    "The difference from the loss of one process at the same batch, seed and precision, of its "
    "first loss, at every step; the worst of the seeds. Above the dashed line it is another "
    f"training. What lies at {LEAST:.0e} is equal to the last digit, or closer than that."
)


def chart(
    rows: pd.DataFrame, trajectories: pd.DataFrame, where: str, precision: str
) -> Chart | None:
    """Draw the strategies of a device, problem and precision; None where none has one process."""
    gaps = _gaps(rows, trajectories)
    if gaps.empty:
        return None
    within = LOSS_WITHIN[precision]
    worst = gaps.sort_values("gap").iloc[-1]
    farthest = (
        f" The farthest is {worst['name']} at N = {worst['ranks']}, by {worst['gap']:.1e} of the "
        "first loss."
    )
    told = rows[rows["case"].isin(gaps["case"])]
    title = f"Losses beside one process on {where}: {sizes(told)}"
    return Chart(title, CAPTION + farthest, _drawn(gaps, within))


def _gaps(rows: pd.DataFrame, trajectories: pd.DataFrame) -> pd.DataFrame:
    """Return one row a case of several ranks and step; as `loss_gap` has it, step by step."""
    losses = trajectories[trajectories["quantity"] == "loss"]
    cases = [(row, asked(row)) for row in rows.to_dict("records")]
    alone = {key: row["case"] for row, key in cases if row["variant"] == "single" and _plain(row)}
    frames = []
    for row, key in cases:
        if row["ranks"] < 2 or key not in alone:
            continue
        own, other = (_by_step(losses, case) for case in (row["case"], alone[key]))
        first = other.groupby("seed")["value"].transform("first")
        scale = pd.concat([first.abs(), other["value"].abs()], axis=1).max(axis=1)
        gap = ((own["value"] - other["value"]).abs() / scale).dropna()
        worst = gap.groupby("index").max().reset_index(name="gap")
        frames.append(worst.assign(name=row["name"], ranks=int(row["ranks"]), case=row["case"]))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _by_step(losses: pd.DataFrame, case: str) -> pd.DataFrame:
    own = losses[losses["case"] == case]
    return own.set_index(["seed", "index"]).sort_index()[["value"]]


def _plain(row: dict[Any, Any]) -> bool:
    return row["name"] == row["variant"]


def _drawn(gaps: pd.DataFrame, within: float) -> alt.FacetChart:
    names = sorted(gaps["name"].unique())
    rounds = [DASHES[i // len(COLOURS) % len(DASHES)] for i in range(len(names))]
    colours = alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))])
    dashes = alt.Scale(domain=names, range=[list(dash) for dash in rounds])
    legend = alt.Legend(orient="bottom", columns=5, labelLimit=220)
    data = gaps.assign(drawn=gaps["gap"].clip(lower=LEAST), within=within)
    top = 3 * max(within, float(data["drawn"].max()))
    y = alt.Y(
        "drawn:Q",
        title="difference of its first loss",
        scale=alt.Scale(type="log", domain=[LEAST, top]),
        axis=alt.Axis(format=".0e", tickCount=6),
    )
    panels = data["ranks"].nunique()
    base = alt.Chart(width=760 // panels, height=210)
    lines = base.mark_line(strokeWidth=1.6, opacity=0.85).encode(
        x=alt.X("index:Q", title="step"),
        y=y,
        color=alt.Color("name:N", title=None, scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("name:N", title=None, scale=dashes, legend=legend),
        tooltip=["name:N", "ranks:O", "index:Q", alt.Tooltip("gap:Q", format=".2e")],
    )
    bound = base.mark_rule(strokeDash=[6, 3], color="#1f2328").encode(y="mean(within):Q")
    return alt.layer(lines, bound, data=data).facet(
        column=alt.Column(
            "ranks:O", title=None, header=alt.Header(labelExpr="'N = ' + datum.value")
        )
    )
