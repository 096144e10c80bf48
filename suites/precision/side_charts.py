"""Every policy in one line: its step, what its loss ends with beyond float32's, and its bytes."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.charts import Chart
from suites.precision.naming import EXACT

Drawing = alt.Chart | alt.LayerChart | alt.FacetChart
KIND_COLOURS = ("#3b6ea8", "#8fb3d9", "#e0a458", "#c9ced6")
KINDS = ("parameters", "gradients", "optimizer_state", "activations")
ALIKE = 1.0  # % of float32's loss that is called the same
WIDE = 20.0  # %: beyond it a linear axis shows nothing of what is near 0
TICKS = (-1000, -100, -10, 0, 10, 100, 1000, 10_000, 100_000)
BLUE, RED = "#4269d0", "#d1242f"
STEP = 22


def policies(told: str, rows: pd.DataFrame, samples: pd.DataFrame) -> Chart | None:
    """Draw speed, loss gap and memory beside each other, a line a policy."""
    del samples
    data = _in_percent(rows)
    order = list(data.sort_values("rank", kind="stable")["name"])
    present: dict[str, Drawing] = {}
    for said, draw in PANELS.items():
        panel = draw(data, order, not present)  # the first has the names
        if panel is not None:
            present[said] = panel
    if not present:
        return None
    return Chart(told, _in_words(data, list(present)), alt.hconcat(*present.values(), spacing=18))


def _in_percent(rows: pd.DataFrame) -> pd.DataFrame:
    """Return gaps as a share of float32's own loss, and the order of lines: float32, then gaps."""
    data = rows.copy()
    for part in ("loss_gap", "loss_gap_low", "loss_gap_high", "final_loss"):
        if part not in data:
            data[part] = float("nan")
    own = data["final_loss"] - data["loss_gap"]
    for part in ("", "_low", "_high"):
        data[f"gap{part}"] = 100 * data[f"loss_gap{part}"] / own
    data["rank"] = data["gap"].abs().where(data["name"] != EXACT, -1.0)
    return data


def _time(data: pd.DataFrame, order: list[str], named: bool) -> Drawing | None:
    known = data[data["time_s"].notna()]
    if known.empty:
        return None
    columns = {f"{part}_ms": 1e3 * known[f"{part}_s"] for part in ("time", "time_low", "time_high")}
    known = known[["name"]].assign(**columns)
    shown = [0.0, 1.25 * float(known["time_ms"].max())]  # few rounds can have endless intervals
    x = alt.X("time_ms:Q", title="a step (ms)", scale=alt.Scale(domain=shown, nice=False))
    base = alt.Chart(known, width=220, height=alt.Step(STEP)).encode(y=_lines(order, named))
    bars = base.mark_rule(clip=True, strokeWidth=1.5, color=BLUE)
    points = base.mark_point(filled=True, size=60, color=BLUE, opacity=1)
    tooltip = ["name:N", *(alt.Tooltip(f"{c}:Q", format=".4g") for c in columns)]
    return alt.layer(
        bars.encode(x=alt.X("time_low_ms:Q", title="a step (ms)"), x2="time_high_ms:Q"),
        points.encode(x=x, tooltip=tooltip),
    )


def _gap(data: pd.DataFrame, order: list[str], named: bool) -> Drawing | None:
    columns = ["name", "gap", "gap_low", "gap_high"]
    known = data.loc[data["gap"].notna() & (data["name"] != EXACT), columns]
    if known.empty:
        return None
    called = "final loss beyond float32's (%)"
    scale, axis = percents(known["gap"])
    x = alt.X("gap:Q", title=called, scale=scale, axis=axis)
    base = alt.Chart(known, width=250, height=alt.Step(STEP)).encode(y=_lines(order, named))
    alike = alt.Chart(pd.DataFrame({"low": [-ALIKE], "high": [ALIKE]})).mark_rect(
        color="#3ca951", opacity=0.16
    )
    bars = base.mark_rule(strokeWidth=1.5, color=BLUE)
    points = base.mark_point(filled=True, size=60, color=BLUE, opacity=1)
    tooltip = ["name:N", *(alt.Tooltip(f"{c}:Q", format="+.3g") for c in columns[1:])]
    return alt.layer(
        alike.encode(x=alt.X("low:Q", title=called), x2="high:Q"),
        bars.encode(x=alt.X("gap_low:Q", title=called), x2="gap_high:Q"),
        points.encode(x=x, tooltip=tooltip),
    )


def percents(gaps: pd.Series[float]) -> tuple[alt.Scale, alt.Axis]:
    """Return an axis of percents: logarithmic beyond 1 % on both sides where gaps are large."""
    most = float(gaps.abs().max())
    if most <= WIDE:
        return alt.Scale(zero=True), alt.Axis(tickCount=5)
    low = min(-2 * ALIKE, 2 * float(gaps.min()))
    scale = alt.Scale(type="symlog", constant=ALIKE, domain=[low, 2 * most], nice=False)
    shown = [tick for tick in TICKS if low <= tick <= 2 * most]
    return scale, alt.Axis(values=shown, format=",d", labelOverlap=False)


def _bytes(data: pd.DataFrame, order: list[str], named: bool) -> Drawing | None:
    kinds = [kind for kind in KINDS if f"{kind}_bytes" in data]
    if not kinds:
        return None
    long = data.melt("name", [f"{kind}_bytes" for kind in kinds], "kind", "bytes").dropna()
    names = [kind.replace("_", " ") for kind in kinds]
    long["kind"] = long["kind"].str.removesuffix("_bytes").str.replace("_", " ")
    long["mib"], long["order"] = long["bytes"] / 2**20, long["kind"].map(names.index)
    bars = (
        alt.Chart(long, width=290, height=alt.Step(STEP))
        .mark_bar()
        .encode(
            x=alt.X("sum(mib):Q", title="after a backward pass (MiB)", axis=alt.Axis(tickCount=5)),
            y=_lines(order, named),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=names, range=list(KIND_COLOURS)),
                legend=alt.Legend(orient="bottom", columns=2),
            ),
            order="order:Q",
            tooltip=["name:N", "kind:N", alt.Tooltip("mib:Q", format=".4g", title="MiB")],
        )
    )
    if "model_states_formula_bytes" not in data:
        return bars
    formula = data[["name"]].assign(mib=data["model_states_formula_bytes"] / 2**20).dropna()
    ticks = alt.Chart(formula).mark_tick(thickness=3, size=18, color=RED, opacity=1)
    tip = ["name:N", alt.Tooltip("mib:Q", format=".4g", title="formula (MiB)")]
    return alt.layer(bars, ticks.encode(x="mib:Q", y=_lines(order, named), tooltip=tip))


def _lines(order: list[str], labelled: bool) -> alt.Y:
    axis = alt.Axis(labelLimit=230) if labelled else alt.Axis(labels=False, ticks=False)
    return alt.Y("name:N", title=None, sort=order, scale=alt.Scale(domain=order), axis=axis)


PANELS = {
    "A step, with its 95 % interval over rounds.": _time,
    "The loss it ends with beyond float32's on the same weights and batches, with its 95 % "
    "interval over seeds; in the green band it is within 1 %.": _gap,
    "Bytes by kind; a red tick is what the formula says of parameters, gradients and optimizer "
    "state.": _bytes,
}
PLACES = {1: ("",), 2: ("Left: ", "Right: "), 3: ("Left: ", "Middle: ", "Right: ")}


def _in_words(data: pd.DataFrame, present: list[str]) -> str:
    """Say how to read the panels there are, and which policies diverged."""
    places = PLACES[len(present)]
    lower = [words[0].lower() + words[1:] if len(present) > 1 else words for words in present]
    said = [place + words for place, words in zip(places, lower, strict=True)]
    text = " ".join(["A line a policy, float32 first, the others by their loss.", *said])
    if "diverged_at_step" not in data or data["diverged_at_step"].isna().all():
        return text
    diverged = data.loc[data["diverged_at_step"].notna(), ["name", "diverged_at_step"]]
    told = ", ".join(f"{name} at step {step:.0f}" for name, step in diverged.itertuples(False))
    return f"{text} Diverged: {told}."
