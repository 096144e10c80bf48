"""Sample grids as pictures inside the page: no file, no network."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pandas as pd

SIDE = 4  # images a row and a column
ZOOM_TO = 128  # pixels a picture has at least, in whole multiples of its own


def mosaics(
    rows: pd.DataFrame, trajectories: pd.DataFrame, distance: str | None = None
) -> pd.DataFrame:
    """Return sampler, budget, distance in words, and picture of what kept its first images."""
    columns = ["sampler", "nfe", "measured_nfe", "distance", "url"]
    kept = trajectories[trajectories["quantity"] == "sample_pixels"]
    found = []
    for _, row in rows.iterrows():
        own = kept[(kept["case"] == row["case"]) & (kept["seed"] == 0)].sort_values("index")
        picture = mosaic(own["value"].to_numpy(dtype=float)) if len(own) else None
        if picture is not None:
            told = f"{row[distance]:.3g}" if distance is not None else ""
            found.append([row["sampler"], row["nfe"], row["measured_nfe"], told, data_url(picture)])
    return pd.DataFrame(found, columns=columns)


def mosaic(pixels: np.ndarray) -> np.ndarray | None:
    """Lay 16 square images out in 4 x 4; uint8 (H, W) or (H, W, 3), None where they do not fit.

    `pixels` in [-1, 1] run over image, channel, row, column; values beyond are clipped.
    """
    size, rest = divmod(len(pixels), SIDE * SIDE)
    channels = next((c for c in (1, 3) if size and math.isqrt(size // c) ** 2 * c == size), None)
    if rest or channels is None:
        return None
    side = math.isqrt(size // channels)
    images = pixels.reshape(SIDE, SIDE, channels, side, side)
    padded = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1.0)
    whole = padded.transpose(0, 3, 1, 4, 2).reshape(SIDE * (side + 1), SIDE * (side + 1), channels)
    levels = ((np.clip(whole, -1, 1) + 1) * 127.5).round().astype(np.uint8)
    zoom = max(math.ceil(ZOOM_TO / len(levels)), 1)
    return levels.repeat(zoom, 0).repeat(zoom, 1).squeeze()


def data_url(levels: np.ndarray) -> str:
    """Encode a picture as PNG in a data URL."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
