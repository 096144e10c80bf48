"""Speed against loss gap, bytes by kind, and the losses on top of each other, by workload."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart, bars, drawn

KIND_COLOURS = ("#3b6ea8", "#8fb3d9", "#e0a458", "#c9ced6")
KINDS = ("parameters", "gradients", "optimizer_state", "activations")
PHASES = ("forward", "backward", "optimizer")
BELOW = alt.Legend(orient="bottom", columns=3)
WORKLOADS = {
    "GPTTraining": "GPT on text",
    "UNetTraining": "U-Net on digits",
    "FineTuning": "Small steps from large weights",
}
UNITS = {"GPTTraining": "tokens", "UNetTraining": "images", "FineTuning": "rows"}
SIZES = ("batch", "seqlen", "num_layers", "dim", "channels", "width")


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw three panels for every workload at every size."""
    ok = table[table["outcome"] == "ok"]
    found: list[Chart] = []
    for _, rows in ok.groupby(_sizes(ok), dropna=False, sort=False):
        losses = trajectories[
            trajectories["case"].isin(rows["case"]) & (trajectories["quantity"] == "loss")
        ]
        found += drawn(str(rows["problem"].iloc[0]), partial(_row_of_three, rows, losses))
    return found


def _sizes(rows: pd.DataFrame) -> list[str]:
    return ["problem", "device", *(name for name in SIZES if name in rows)]


def _row_of_three(rows: pd.DataFrame, losses: pd.DataFrame) -> Chart:
    names = sorted(rows["variant"].unique())
    colour = alt.Color(
        "variant:N",
        title=None,
        scale=alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))]),
        legend=BELOW,
    )
    panels = [_speed(rows, colour), _bytes(rows), _overlay(losses, colour)]
    present = [panel for panel in panels if panel is not None]
    drawing = alt.hconcat(*present, spacing=26).resolve_scale(color="independent")
    first = rows.iloc[0]
    sizes = [f"{n} {first[n]:.0f}" for n in SIZES if n in rows and not pd.isna(first[n])]
    title = f"{WORKLOADS.get(first['problem'], first['problem'])}: {', '.join(sizes)}"
    return Chart(title, _in_words(rows), drawing)


def _in_words(rows: pd.DataFrame) -> str:
    """Read the panels: what each policy gains in time, and whether its loss is float32's."""
    text = (
        "Left: the loss a policy ends with beyond float32's on the same weights and batches "
        "(bars: 95 % over seeds), against speed. Middle: bytes after the backward pass, by kind. "
        "Right: mean loss over seeds."
    )
    reference = rows[rows["variant"] == "fp32"]
    if len(reference) != 1 or pd.isna(reference["time_s"].iloc[0]):
        return text
    base = float(reference["time_s"].iloc[0])
    told = [
        f"{row['variant']} {base / row['time_s']:.2f}×"
        for _, row in rows.iterrows()
        if row["variant"] != "fp32" and not pd.isna(row["time_s"])
    ]
    return f"{text} Speed over fp32: {', '.join(told)}." if told else text


def _speed(rows: pd.DataFrame, colour: alt.Color) -> alt.LayerChart | alt.FacetChart | None:
    rate = f"{UNITS.get(rows['problem'].iloc[0], 'tokens')}_per_s"
    if rate not in rows or "loss_gap" not in rows:
        return None
    columns = ["variant", rate, "loss_gap", "loss_gap_low", "loss_gap_high", "time_s"]
    data = rows[[c for c in columns if c in rows]].dropna(subset=[rate, "loss_gap"])
    if data.empty:
        return None
    x = alt.X(f"{rate}:Q", title=rate.replace("_per_s", "/s"), scale=alt.Scale(zero=True))
    base = alt.Chart(data, width=250, height=220).encode(x=x, color=colour)
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(color="#aab2bd", strokeDash=[4, 3])
    layers: list[alt.Chart] = [zero.encode(y="y:Q")]
    if "loss_gap_low" in data:
        bars = base.mark_rule(strokeWidth=1.5)
        layers.append(bars.encode(y=alt.Y("loss_gap_low:Q", title=""), y2="loss_gap_high:Q"))
    points = base.mark_point(size=80, filled=True).encode(
        y=alt.Y("loss_gap:Q", title="final loss − float32's"),
        tooltip=[
            "variant:N",
            *(alt.Tooltip(f"{c}:Q", format=".4g") for c in columns[1:] if c in data),
        ],
    )
    return alt.layer(*layers, points)


def _bytes(rows: pd.DataFrame) -> alt.Chart | None:
    kinds = [kind for kind in KINDS if f"{kind}_bytes" in rows]
    if not kinds:
        return None
    data = rows.melt("variant", [f"{kind}_bytes" for kind in kinds], "kind", "bytes").dropna()
    data["kind"] = data["kind"].str.removesuffix("_bytes").str.replace("_", " ")
    data["mib"] = data["bytes"] / 2**20
    names = [kind.replace("_", " ") for kind in kinds]
    data["order"] = data["kind"].map(names.index)
    return (
        alt.Chart(data, width=215, height=220)
        .mark_bar()
        .encode(
            x=alt.X("sum(mib):Q", title="MiB"),
            y=alt.Y("variant:N", title=None),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=names, range=list(KIND_COLOURS)),
                legend=alt.Legend(orient="bottom", columns=2),
            ),
            order="order:Q",
            tooltip=["variant:N", "kind:N", alt.Tooltip("mib:Q", format=".4g", title="MiB")],
        )
    )


def _overlay(losses: pd.DataFrame, colour: alt.Color) -> alt.Chart | None:
    if losses.empty:
        return None
    mean = losses.groupby(["variant", "index"], as_index=False)["value"].mean()
    return (
        alt.Chart(mean, width=250, height=220)
        .mark_line(strokeWidth=1.6, opacity=0.85)
        .encode(
            x=alt.X("index:Q", title="step"),
            y=alt.Y("value:Q", title="loss", scale=alt.Scale(zero=False)),
            color=colour,
            tooltip=["variant:N", "index:Q", alt.Tooltip("value:Q", format=".4f", title="loss")],
        )
    )


def profile_charts(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """Draw a profiled training step of every policy, phase by phase."""
    del ranks
    caption = (
        "Milliseconds of a profiled step by phase and class of operator: what a policy speeds up, "
        "and what it adds in casts."
    )
    return [
        Chart(
            f"Where a step goes: {rows['title'].iloc[0]}",
            caption,
            bars(rows, "name", "class", "phase", PHASES),
        )
        for _, rows in operators.groupby("question", sort=False)
    ]
