"""Options that `list`, `run`, `ab` and `compare` share."""

from pathlib import Path
from typing import Annotated

import typer

from bench.judging.comparing.quantities import DEFAULT_GATE, GATES

GATED = ",".join(DEFAULT_GATE)
WEEK_S = 7 * 86_400.0  # with a bound on both sides NaN is refused, too

Selectors = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SELECTOR]...",
        help="A suite (`attention`), a pattern in one (`'attention/sdpa_*'`), a Python file with "
        "variants of yours, or a dotted package. Default: every suite.",
        show_default=False,
    ),
]
Keyword = Annotated[
    str,
    typer.Option(
        "-k",
        "--keyword",
        help="Keep cases whose id has these words, joined by and, or, not and brackets, as in "
        "pytest: `'bfloat16 and not (flex or tiled)'`.",
        show_default=False,
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="AXIS=V[,V...]",
        show_default=False,
        help="Replace an axis: `--set seqlen=1024,4096 --set dtype=bfloat16`; "
        "`--set allocator=system,fixed` asks malloc as every process gets it, and steadied.",
    ),
]
FILES = ("data", "inception", "reference", "model")  # axes that take a path of the user's
Data = Annotated[
    Path | None,
    typer.Option(
        help="Train on data of yours: text for a GPT, images for a U-Net (.npy, .npz or a folder).",
        show_default=False,
    ),
]
Inception = Annotated[
    Path | None,
    typer.Option(
        help="Inception-v3 weights: sample quality becomes FID in their features.",
        show_default=False,
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        help="What samples are compared with: a folder of images, an .npy or .npz array of them, "
        "or .npz statistics of Inception's features.",
        show_default=False,
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        help="A diffusers pipeline or model folder of yours, which `--set ground=model` samples "
        "from.",
        show_default=False,
    ),
]
Like = Annotated[
    str,
    typer.Option(
        metavar="CONFIG",
        help="Ask in a model's shapes: its `config.json` or folder, or the name of one that comes "
        "along, as `llama-3.1-8b`. `--set` comes before it.",
        show_default=False,
    ),
]
Fit = Annotated[
    str,
    typer.Option(
        metavar="SIZE",
        help="Find the largest batch that so much memory holds, as `8GB` or `8GiB`, for every "
        "variant that has a batch.",
        show_default=False,
    ),
]
Preset = Annotated[str, typer.Option(help="smoke, quick, standard or full.")]
Profile = Annotated[
    bool,
    typer.Option(
        "--profile", help="Profile every case too, in a process of its own after all is timed."
    ),
]
Device = Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda or cuda:N.")]
Budget = Annotated[str, typer.Option(help="Bound the run: `90s`, `10m`, `2h`.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the cases and a time estimate.")]
NumRounds = Annotated[
    int | None,
    typer.Option(
        "--rounds",
        min=2,
        help="Rounds for every case, instead of the preset's.",
        show_default=False,
    ),
]
Timeout = Annotated[
    float, typer.Option(min=1, max=WEEK_S, help="Seconds an attempt may take; a quality has more.")
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, max=2**63 - 1, help="Seed of the order within rounds.", show_default=False),
]
Output = Annotated[Path, typer.Option(help="Folder that run folders are made in.")]
Gate = Annotated[
    str,
    typer.Option(
        metavar="GROUP[,GROUP...]", help=f"What can fail it, of: {', '.join(GATES)}, or none."
    ),
]
AtMost = Annotated[
    str,
    typer.Option(
        "--at-most",
        metavar="SHARE",
        help="Fail unless every slowdown of more than this is excluded, as `5%` or `0.05`; `auto`: "
        "what this machine's noise allows, by its selftests.",
        show_default=False,
    ),
]
Nnodes = Annotated[
    int | None,
    typer.Option(
        "--nnodes",
        min=1,
        max=4096,
        help="Machines of this run, each given the same command. Default: Slurm's, or 1.",
        show_default=False,
    ),
]
NodeRank = Annotated[
    int | None,
    typer.Option("--node-rank", min=0, help="Which of them this is; 0 leads.", show_default=False),
]
RdzvEndpoint = Annotated[
    str,
    typer.Option(
        "--rdzv-endpoint",
        metavar="HOST:PORT",
        help="Where node 0 listens for the others.",
        show_default=False,
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while another run holds the device.")]
