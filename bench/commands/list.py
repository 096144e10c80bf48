"""`bench list`: what a selection holds, without measuring anything."""

from bench.cases.counted import counted
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
) -> None:
    """List the cases of a selection, one id a line.

    **Examples**

    - `bench list attention --preset smoke`
    - `bench list 'attention/sdpa_*' --set seqlen=4096 -k fwd_bwd`
    - `bench list path/to/mine.py`
    - `bench list attention --like path/to/model/config.json`
    """
    files = dict(zip(FILES, (data, inception, reference, model), strict=True))
    found = select(Side(), selectors or [], keyword, sets or [], preset, device, files, like=like)
    screen = Screen(soft_wrap=True)
    for case in found.cases:
        screen.print(case.id)
    told = f"{counted(len(found.cases), 'case')} on {found.device}"
    Screen(stderr=True).print(told, style="dim")
