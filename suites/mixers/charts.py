"""Charts."""

import pandas as pd

from bench.charts import Chart


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    return []
