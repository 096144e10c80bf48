"""Bytes a rank and traffic a step against theory, losses on top of each other, bus bandwidth."""

from __future__ import annotations

from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, RANK_PARTS, Chart, bars, drawn
from suites.distributed import contrastive_answers
from suites.distributed.collective_charts import collectives
from suites.distributed.contrastive_claims import PROBLEMS
from suites.distributed.sizes import COLLECTIVES
from suites.distributed.theory import PASSES

KINDS = (
    *("parameters", "second_parameters", "gradients", "optimizer_state", "master_weights"),
    "buckets",
)
KIND_COLOURS = ("#3b6ea8", "#2a4a6d", "#8fb3d9", "#e0a458", "#b5654a", "#c9ced6")
SIZES = ("batch", "seqlen", "num_layers", "num_heads", "dim", "loss_steps")
Drawing = alt.LayerChart | alt.FacetChart  # what altair declares that layering returns
OFF = ("=False", "=None", "=1", "=")  # options that leave a strategy what it is
PHASES = ("forward", "backward", "optimizer")
BELOW = alt.Legend(orient="bottom", columns=3, labelLimit=200)
OVERLAP = (
    "A profiled step, mean over ranks. Communication that computing hides is no part of the bar; "
    "idle is neither: Python, and waits of other sorts."
)
PAPER, ENGINE = "the paper", "the engine's plan"


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw the strategies at every size and number of ranks, then the collectives."""
    ok = table[table["outcome"] == "ok"].copy()
    if ok.empty:
        return []
    ok["name"] = [_name(row) for row in ok.to_dict("records")]
    training = _trainings(ok)
    found: list[Chart] = []
    for asked, own in training.groupby(["device", "problem", "precision"], sort=True):
        for ranks, rows in own[own["ranks"] > 1].groupby("ranks"):
            draw = partial(_strategies, rows, own, trajectories, int(str(ranks)))
            found += drawn(f"{ranks} ranks on {asked[0]}", draw)
    rated = ok[ok["problem"].isin(COLLECTIVES) & ok["time_s"].notna()]
    for device, rows in rated.groupby("device"):
        found += drawn(f"Collectives on {device!s}", partial(collectives, rows))
    compared = ok[ok["problem"].isin(PROBLEMS)]
    compared = compared[compared["loss_peak_bytes"].notna()] if "loss_peak_bytes" in ok else ok[:0]
    for device, rows in compared.groupby("device"):
        found += drawn(
            f"CLIP against SigLIP on {device!s}", partial(contrastive_answers.chart, rows)
        )
    return found


def _trainings(ok: pd.DataFrame) -> pd.DataFrame:
    """Keep what counted the bytes of a plan; runs of before knew one problem and float32 alone."""
    if "model_states_engine_bytes" not in ok:
        return ok[:0].assign(precision="")
    found = ok[ok["model_states_engine_bytes"].notna()].copy()
    known = found["precision"] if "precision" in found else pd.Series("float32", found.index)
    found["precision"] = known.fillna("float32")
    return found


def _name(row: dict[Any, Any]) -> str:
    """Name a strategy with the options that make it another one."""
    options = str(row["options"]).split(",") if isinstance(row["options"], str) else []
    chosen = [o.removesuffix("=True") for o in options if not o.endswith(OFF)]
    return f"{row['variant']} [{', '.join(chosen)}]" if chosen else str(row["variant"])


def _strategies(
    rows: pd.DataFrame, training: pd.DataFrame, trajectories: pd.DataFrame, ranks: int
) -> Chart:
    alone = _same_sizes(training[training["ranks"] == 1], rows)
    overlay, apart = _overlay(pd.concat([alone, rows]), trajectories)
    times = _times(pd.concat([alone, rows])) if rows["time_s"].notna().any() else None
    panels = [_bytes(rows), _traffic(rows), times, overlay]
    present = [panel for panel in panels if panel is not None]
    halves = [alt.hconcat(*present[i : i + 2], spacing=28) for i in range(0, len(present), 2)]
    drawing = alt.vconcat(*[half.resolve_scale(color="independent") for half in halves])
    first = rows.iloc[0]
    given = [name for name in SIZES if name in rows and rows[name].notna().all()]
    sizes = ", ".join(f"{name} {first[name]:.0f}" for name in given)
    mixed = " in mixed precision" if first["precision"] == "bf16_mixed" else ""
    own = "" if first["problem"] == "DataParallelTraining" else f"{first['problem']}: "
    caption = (
        "Bytes a rank holds after backward, by kind (grey buckets are no model states), and what a "
        "step hands to each collective, in parameters (an all-reduce counts twice). Long red ticks "
        "are the ZeRO paper's prediction, short black ones the engine's own plan."
        f"{_stragglers(rows)}{_oversubscribed(rows)}{apart}"
    )
    title = f"{ranks} ranks on {first['device']}{mixed}: {own}{sizes}"
    return Chart(title, caption, drawing.resolve_scale(color="independent"))


def _same_sizes(alone: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in SIZES if name in rows and rows[name].notna().all()]
    asked = rows[names].drop_duplicates()
    return alone[alone[names].apply(tuple, axis=1).isin(asked.apply(tuple, axis=1))]


def _oversubscribed(rows: pd.DataFrame) -> str:
    flagged = rows["flags"].fillna("").str.contains("oversubscribed").any()
    return " Ranks outnumber cores: times are oversubscribed, the rest stands." if flagged else ""


def _stragglers(rows: pd.DataFrame) -> str:
    """Say whose ranks' own times lie farthest apart."""
    if "rank_time_spread" not in rows or rows["rank_time_spread"].isna().all():
        return ""
    worst = rows.dropna(subset="rank_time_spread").sort_values("rank_time_spread").iloc[-1]
    spread = f"{worst['rank_time_spread']:.1%} of a step"
    return f" The ranks' own times lie farthest apart in {worst['name']}, by {spread}."


def _bytes(rows: pd.DataFrame) -> Drawing | None:
    kinds = [kind for kind in KINDS if f"{kind}_bytes" in rows]
    if not kinds or "num_parameters" not in rows:
        return None
    data = _stacked(rows, {kind: rows[f"{kind}_bytes"] for kind in kinds})
    ticks = {PAPER: rows["model_states_paper_bytes"], ENGINE: rows["model_states_engine_bytes"]}
    theory = _stacked(rows, ticks)
    colours = tuple(KIND_COLOURS[KINDS.index(kind)] for kind in kinds)
    return _bars(data, theory, "bytes a parameter and rank", kinds, colours)


def _traffic(rows: pd.DataFrame) -> Drawing | None:
    present = [name for name in PASSES if f"{name}_elements" in rows]
    if not present:
        return None
    counted = {name: PASSES[name] * rows[f"{name}_elements"] for name in present}
    ticks = {PAPER: rows["traffic_paper_elements"], ENGINE: rows["traffic_engine_elements"]}
    return _bars(
        _stacked(rows, counted), _stacked(rows, ticks), "elements a parameter and step", present,
        COLOURS,
    )  # fmt: skip


def _stacked(rows: pd.DataFrame, parts: dict[str, pd.Series[float]]) -> pd.DataFrame:
    """Return one row a strategy and part, in units of the number of parameters."""
    frames = [
        pd.DataFrame(
            {
                "name": rows["name"],
                "part": part.replace("_", " "),
                "value": values / rows["num_parameters"],
                "order": order,
            }
        )
        for order, (part, values) in enumerate(parts.items())
    ]
    return pd.concat(frames).dropna()


def _bars(
    data: pd.DataFrame,
    theory: pd.DataFrame,
    title: str,
    parts: list[str],
    colours: tuple[str, ...],
) -> Drawing:
    names = [part.replace("_", " ") for part in parts]
    scale = alt.Scale(domain=names, range=list(colours[: len(names)]))
    y = alt.Y("name:N", title=None, sort=sorted(data["name"].unique()))
    tooltip = ["name:N", "part:N", alt.Tooltip("value:Q", format=".4f", title=title)]
    bars = (
        alt.Chart(data, width=270, height=210)
        .mark_bar()
        .encode(
            x=alt.X("sum(value):Q", title=title),
            y=y,
            color=alt.Color("part:N", title=None, scale=scale, legend=BELOW),
            order="order:Q",
            tooltip=tooltip,
        )
    )
    ticks = [
        alt.Chart(theory[theory["part"] == which])
        .mark_tick(thickness=3, size=size, color=colour, opacity=1)
        .encode(x=alt.X("value:Q", title=title), y=y, tooltip=tooltip)
        for which, size, colour in ((PAPER, 22, "#d1242f"), (ENGINE, 10, "#1f2328"))
    ]
    return alt.layer(bars, *ticks)


def _times(rows: pd.DataFrame) -> Drawing | None:
    data = rows.loc[rows["time_s"].notna(), ["name", "time_s", "time_low_s", "time_high_s"]].copy()
    if data.empty:
        return None
    for part in ("time", "time_low", "time_high"):
        data[part] = data[f"{part}_s"] * 1e3
    y = alt.Y("name:N", title=None, sort=sorted(data["name"].unique()))
    shown = [0.0, 1.6 * float(data["time"].max())]  # two rounds can have endless intervals
    scale = alt.Scale(domain=shown, nice=False)
    x = alt.X("time:Q", title="time of a step, slowest rank (ms)", scale=scale)
    base = alt.Chart(data, width=270, height=210)
    columns = ("time", "time_low", "time_high")
    tooltip = ["name:N", *(alt.Tooltip(f"{c}:Q", format=".4g") for c in columns)]
    bars = base.mark_bar(color="#8fb3d9").encode(x=x, y=y, tooltip=tooltip)
    rules = base.mark_rule(strokeWidth=1.5, clip=True).encode(
        x=alt.X("time_low:Q", title=""), x2="time_high:Q", y=y
    )
    return alt.layer(bars, rules)


def _overlay(rows: pd.DataFrame, trajectories: pd.DataFrame) -> tuple[alt.Chart | None, str]:
    """Draw losses by step, and say how far the farthest lies from one process."""
    names = dict(zip(rows["case"], rows["name"], strict=True))
    wanted = trajectories["case"].isin(list(names)) & (trajectories["quantity"] == "loss")
    losses = trajectories[wanted].copy()
    if losses.empty:
        return None, ""
    losses["name"] = losses["case"].map(names)
    mean = losses.groupby(["name", "index"], as_index=False)["value"].mean()
    shown = sorted(mean["name"].unique())
    scale = alt.Scale(domain=shown, range=[COLOURS[i % len(COLOURS)] for i in range(len(shown))])
    drawing = (
        alt.Chart(mean, width=270, height=210)
        .mark_line(strokeWidth=1.8, opacity=0.7)
        .encode(
            x=alt.X("index:Q", title="step"),
            y=alt.Y("value:Q", title="loss", scale=alt.Scale(zero=False)),
            color=alt.Color("name:N", title=None, scale=scale, legend=BELOW),
            tooltip=["name:N", "index:Q", alt.Tooltip("value:Q", format=".7f", title="loss")],
        )
    )
    return drawing, _apart(losses)


def _apart(losses: pd.DataFrame) -> str:
    wide = losses.pivot_table(index=["seed", "index"], columns="name", values="value")
    if "single" not in wide or len(wide.columns) < 2:
        return ""
    gaps = wide.drop(columns="single").sub(wide["single"], axis=0).abs()
    relative = gaps.div(wide["single"].abs(), axis=0).max()
    return (
        f" Losses lie on top of each other: the farthest from one process is {relative.idxmax()}, "
        f"by {relative.max():.1e} of the loss."
    )


def profile_charts(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """Draw a profiled step of every strategy: by phase, and what communication it waits for."""
    found = []
    for _, rows in operators.groupby("question", sort=False):
        mean = rows.assign(seconds=rows["seconds"] / rows["ranks"])
        title = f"Where a step goes: {rows['title'].iloc[0]}"
        caption = "Milliseconds of a profiled step by phase and class of operator, mean over ranks."
        found.append(Chart(title, caption, bars(mean, "name", "class", "phase", PHASES)))
        if rows["ranks"].iloc[0] > 1:
            own = ranks[ranks["question"] == rows["question"].iloc[0]]
            found.append(
                Chart(f"Waiting for others: {rows['title'].iloc[0]}", OVERLAP, _overlap(own))
            )
    return found


def _overlap(ranks: pd.DataFrame) -> alt.Chart:
    """Draw computing, exposed communication and neither; all of a step."""
    kinds = dict(zip(("compute_s", "exposed_s", "idle_s"), RANK_PARTS, strict=True))
    named = ranks.groupby("name", as_index=False)
    data = named[list(kinds)].mean().melt("name", list(kinds), "kind", "seconds")
    data["kind"] = data["kind"].map(kinds)
    return bars(data, "name", "kind", colours=RANK_PARTS)
