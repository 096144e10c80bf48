"""What a proof leaves: a tidy CSV, a figure beside it, and its targets, met or missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

FOLDER = Path(__file__).parent / "results"
PEERS = ("pyperf", "asv", "pytest-benchmark", "scipy", "numpy", "torch")
MACHINE = ("cpu", "cores_usable", "virtualisation", "kernel", "python")

Output = Annotated[Path, typer.Option(help="Folder for the CSV and the figure.")]
Quick = Annotated[bool, typer.Option("--quick", help="A tiny one: shows that it works, no more.")]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """A figure, and whether it is what was asked; `met` is None where nothing was asked of it."""

    what: str
    got: str
    met: bool | None


def versions() -> dict[str, str]:
    """Name the versions of all whose code took part."""
    found = {}
    for name in PEERS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"versions": ", ".join(f"{name} {version}" for name, version in found.items())}


def machine_facts() -> dict[str, Any]:
    """Describe the machine by kind: hardware and system, never a name."""
    from bench.machine.facts import facts

    found = facts()
    return {name: found[name] for name in MACHINE} | versions()


def write(name: str, rows: Sequence[Row], told: Row, folder: Path) -> Path:
    """Write `<name>.csv`, what is told of the machine in the last columns."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    pd.DataFrame([{**row, **told} for row in rows]).to_csv(path, index=False, float_format="%.6g")
    return path


def draw(name: str, chart: Any, folder: Path) -> Path:
    """Write a figure as `<name>.png`, in few colours: a fifth of the bytes, for the repository."""
    from PIL import Image

    path = folder / f"{name}.png"
    chart.save(str(path), scale_factor=2)
    Image.open(path).convert("RGB").quantize(128).save(path, optimize=True)
    return path


def tell(targets: Sequence[Target], paths: Sequence[Path], console: Console) -> None:
    """Print every target with what came of it, and what was written."""
    for target in targets:
        word = {True: "met", False: "missed", None: ""}[target.met]
        line = f"{word:>12}  {target.what}: {target.got}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for path in paths:
        console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
