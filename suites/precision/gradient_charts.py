"""How large gradients are, in log2, over what every format can hold."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart
from suites.precision.naming import EXACT
from suites.precision.ranges import GRADIENTS, LOWEST, RANGES, SCALE

NARROW = ("float16", "float8_e5m2", "float8_e4m3")  # wider ones hold all that is drawn
SHADES = {"float16": 0.12, "float8_e5m2": 0.14, "float8_e4m3": 0.16}
SHORT = {"float16": "float16", "float8_e5m2": "e5m2", "float8_e4m3": "e4m3"}
AS_IT_IS, SCALED = "as it is", f"scaled 2^{SCALE}"
GREEN = "#2f6f4f"
LEAST_SHARE = 1e-4  # of elements; octaves with fewer are not drawn
WIDTH, HEIGHT = 560, 64


def octaves(told: str, samples: pd.DataFrame) -> Chart | None:
    """Draw float32's gradients by type of layer, and what formats lose of them."""
    own = samples[(samples["name"] == EXACT) & samples["quantity"].str.startswith(GRADIENTS)].copy()
    if own.empty:
        return None
    own["layer"] = own["quantity"].str.removeprefix(GRADIENTS)
    drawing = alt.hconcat(_histograms(own), _losses(own), spacing=24)
    caption = (
        "Elements of float32's gradients at the last step of the first seed, by octave and type of "
        "layer, in % of the elements of that type. Shaded is what float16, float8 e5m2 and e4m3 "
        "hold, darker what more of them do; dashed lines are where their normal numbers end, and "
        "precision begins to go. float32 and bfloat16 hold all of it. Right: what each rounds to "
        f"zero, as it is and with the loss scaled by 2^{SCALE}. {_in_words(own)}"
    )
    return Chart(f"Gradients beside the formats' ranges. {told}", caption.strip(), drawing)


def _histograms(own: pd.DataFrame) -> alt.VConcatChart:
    counted = own[own["index"] > 0].copy()
    counted["log2"] = LOWEST + counted["index"] - 1
    shown = counted[counted["value"] > LEAST_SHARE]
    low, high = int(shown["log2"].min()) - 2, max(int(shown["log2"].max()) + 3, 2)
    domain = [min(low, -26), high]
    layers = list(shown.groupby("layer")["value"].sum().index)
    panels = [
        _histogram(shown[shown["layer"] == layer], layer, domain, layer == layers[-1], number == 0)
        for number, layer in enumerate(layers)
    ]
    return alt.vconcat(*panels, spacing=6)


def _histogram(
    data: pd.DataFrame, layer: str, domain: list[int], last: bool, first: bool
) -> alt.LayerChart | alt.FacetChart:
    axis = alt.Axis(labels=last, ticks=last, tickMinStep=1)
    called = "log2 of an element's size" if last else None
    x = alt.X("log2:Q", title=called, scale=alt.Scale(domain=domain, nice=False), axis=axis)
    data = data.assign(end=data["log2"] + 1, percent=100 * data["value"])
    formats = _shaded(domain)
    sideways = alt.Axis(titleAngle=0, titleAlign="right", titlePadding=12, tickCount=3)
    base = alt.Chart(formats, width=WIDTH, height=HEIGHT)
    held = base.mark_rect(color=GREEN).encode(
        x=alt.X("low:Q", title=called),
        x2="high:Q",
        opacity=alt.Opacity("shade:Q", scale=None),
        tooltip=["format:N", "subnormal:Q", "normal:Q"],
    )
    normal = base.mark_rule(color=GREEN, strokeDash=[3, 3]).encode(x="normal:Q")
    bars = (
        alt.Chart(data, width=WIDTH, height=HEIGHT)
        .mark_rect(color=COLOURS[0], stroke="white", strokeWidth=0.4)
        .encode(
            x=x,
            x2="end:Q",
            y=alt.Y("percent:Q", title=layer, axis=sideways),
            y2=alt.datum(0),
            tooltip=["log2:Q", alt.Tooltip("percent:Q", format=".3g", title="%")],
        )
    )
    layers = [held, normal, bars]
    if first:
        names = base.mark_text(align="left", dx=2, dy=-HEIGHT / 2 - 6, fontSize=9, color=GREEN)
        layers.append(names.encode(x="low:Q", text="short:N"))
    return alt.layer(*layers)


def _shaded(domain: list[int]) -> pd.DataFrame:
    held = {name: RANGES[name] for name in NARROW}
    return pd.DataFrame(
        {
            "format": list(held),
            "short": [SHORT[name] for name in held],
            "low": [max(r.subnormal, domain[0]) for r in held.values()],
            "high": [min(r.end, domain[1]) for r in held.values()],
            "normal": [r.normal for r in held.values()],
            "subnormal": [r.subnormal for r in held.values()],
            "shade": [SHADES[name] for name in held],
        }
    )


def _losses(own: pd.DataFrame) -> alt.FacetChart:
    order = [SHORT[name] for name in NARROW]
    bars = (
        alt.Chart(lost(own), width=190, height=alt.Step(14))
        .mark_bar()
        .encode(
            x=alt.X("percent:Q", title="rounded to zero (%)", axis=alt.Axis(tickCount=4)),
            y=alt.Y("how:N", title=None, sort=[AS_IT_IS, SCALED]),
            color=alt.Color(
                "how:N",
                legend=None,
                scale=alt.Scale(domain=[AS_IT_IS, SCALED], range=["#efb118", COLOURS[0]]),
            ),
            tooltip=["short:N", "how:N", alt.Tooltip("percent:Q", format=".3g", title="%")],
        )
    )
    header = alt.Header(labelAngle=0, labelAlign="left")
    return bars.facet(row=alt.Row("short:N", title=None, sort=order, header=header), spacing=6)


def lost(own: pd.DataFrame) -> pd.DataFrame:
    """Return by format the % of elements, all layers alike, that it rounds to zero."""
    mean = own.groupby("index")["value"].mean().sort_index()
    shares = [float(value) for value in mean]
    found = [
        (name, SHORT[name], how, 100 * RANGES[name].lost(shares, scale).below_subnormal)
        for name in NARROW
        for how, scale in ((AS_IT_IS, 0), (SCALED, SCALE))
    ]
    return pd.DataFrame(found, columns=["format", "short", "how", "percent"])


def _in_words(own: pd.DataFrame) -> str:
    told = lost(own)
    half = told[told["format"] == "float16"]["percent"].tolist()
    return f"float16 loses {half[0]:.2g} % as it is, {half[1]:.2g} % scaled."
