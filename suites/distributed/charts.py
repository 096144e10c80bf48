"""Strategies against two theories, what their steps take, their losses; collectives; profiles."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd

from bench.charts import RANK_PARTS, Chart, bars, drawn
from suites.distributed import contrastive_answers, loss_charts, theory_charts, time_charts
from suites.distributed.collective_charts import collectives
from suites.distributed.contrastive_claims import PROBLEMS
from suites.distributed.named import name
from suites.distributed.sizes import COLLECTIVES

PHASES = ("forward", "backward", "optimizer")
OVERLAP = (
    "A profiled step, mean over ranks. Communication that computing hides is no part of the bar; "
    "idle is neither: Python, and waits of other sorts."
)


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw the strategies of every device, problem and precision, then the collectives."""
    ok = table[table["outcome"] == "ok"].copy()
    if ok.empty:
        return []
    ok["name"] = [name(row) for row in ok.to_dict("records")]
    found: list[Chart] = []
    for asked, own in _trainings(ok).groupby(["device", "problem", "precision"], sort=False):
        found += _of_strategies(own, trajectories, *(str(word) for word in asked))
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


def _of_strategies(
    own: pd.DataFrame, trajectories: pd.DataFrame, device: str, problem: str, precision: str
) -> list[Chart]:
    """Draw what belongs together: bytes and traffic, times, and losses."""
    mixed = ", mixed precision" if precision == "bf16_mixed" else ""
    where = f"{device}{mixed}{'' if problem == 'DataParallelTraining' else f', {problem}'}"
    shared = own[own["ranks"] > 1]
    if shared.empty:
        return []
    losses = partial(loss_charts.chart, own, trajectories, where, precision)
    return [
        *drawn(
            f"What a rank holds and sends on {where}", partial(theory_charts.chart, shared, where)
        ),
        *drawn(f"What a step takes on {where}", partial(time_charts.chart, own, where)),
        *drawn(f"Losses beside one process on {where}", losses),
    ]


def _trainings(ok: pd.DataFrame) -> pd.DataFrame:
    """Keep what counted the bytes of a plan; runs of before knew one problem and float32 alone."""
    if "model_states_engine_bytes" not in ok:
        return ok[:0].assign(precision="")
    found = ok[ok["model_states_engine_bytes"].notna()].copy()
    known = found["precision"] if "precision" in found else pd.Series("float32", found.index)
    found["precision"] = known.fillna("float32")
    return found


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
