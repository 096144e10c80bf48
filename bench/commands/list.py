"""`bench list`: what a selection holds, without measuring anything."""

from typing import Annotated

import typer

from bench.cases.counted import counted
from bench.commands.long_list import show
from bench.commands.options import (
    FILES,
    Data,
    Device,
    Inception,
    Keyword,
    Like,
    Model,
    Preset,
    Reference,
    Selectors,
    Sets,
)
from bench.sides.listed import Listed
from bench.sides.selection import select
from bench.sides.side import Side
from bench.system.terminal import Screen


def list_cases(
    selectors: Selectors = None,
    keyword: Keyword = "",
    sets: Sets = None,
    preset: Preset = "quick",
    device: Device = "auto",
    data: Data = None,
    inception: Inception = None,
    reference: Reference = None,
    model: Model = None,
    like: Like = "",
    long: Annotated[
        bool,
        typer.Option(
            "--long",
            help="Tell of every variant instead: paper, cost, needs, and what it answers.",
        ),
    ] = False,
) -> None:
    """List the cases of a selection, one id a line.

    **Examples**

    - `bench list attention --preset smoke`
    - `bench list 'attention/sdpa_*' --set seqlen=4096 -k fwd_bwd`
    - `bench list samplers --long`
    - `bench list path/to/mine.py`
    - `bench list attention --like path/to/model/config.json`
    """
    files = dict(zip(FILES, (data, inception, reference, model), strict=True))
    words = (selectors or [], keyword, sets or [], preset, device, files)
    found = select(Listed(Side()), *words, like=like, long=long)
    screen = Screen(soft_wrap=True)
    if long:
        show(Screen(), found.variants, found.cases)
    for case in [] if long else found.cases:
        screen.print(case.id)
    told = f"{counted(len(found.cases), 'case')} on {found.device}"
    Screen(stderr=True).print(told, style="dim")
