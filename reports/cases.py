"""Every case of a suite as a table that sorts and searches without a network."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from bench.judging.record import Record
from bench.system.text import visible
from reports.shown import shown


def datatable(frame: pd.DataFrame, records: list[Record]) -> str:
    """Return the table of a suite's rows: the columns that tell something there."""
    return sortable(shown(frame, records))


def sortable(frame: pd.DataFrame) -> str:
    """Return any table so that it sorts and searches; its texts are escaped."""
    import itables

    cells = frame.astype(object).map(_cell).rename(columns=visible)
    html: str = itables.to_html_datatable(
        cells,
        table_id=_name_of(cells),  # by default drawn anew: a page is to be a function of its run
        connected=False,
        showIndex=False,
        maxBytes=0,
        classes="display compact nowrap",
        pageLength=25,
        lengthMenu=[25, 100, 1000],
        scrollX=True,
        allow_html=False,
        style="width:100%",
        display_logo_when_loading=False,
    )
    return html


def _name_of(cells: pd.DataFrame) -> str:
    return f"table-{hashlib.sha256(cells.to_json(orient='split').encode()).hexdigest()[:16]}"


def datatable_scripts() -> str:
    """Return the tables' own script and styles, for offline use."""
    from itables import options
    from itables.javascript import generate_init_offline_itables_html

    html: str = generate_init_offline_itables_html(options.dt_bundle)
    return html


def _cell(value: Any) -> Any:
    """Write a missing value as nothing, a whole number without a point, others in four digits."""
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        value = float(f"{value:.4g}") if not value.is_integer() else value
        return int(value) if value.is_integer() else value
    return visible(value) if isinstance(value, str) else value
