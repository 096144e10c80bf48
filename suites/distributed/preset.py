"""What each preset asks of distributed training. Torch-free: it names problems and axes.

One launch of ranks costs seconds, and a case takes one for its check, one for its memory, one a
round and one a seed: cases are few, and ranks beyond the cores are asked for bytes, traffic and
loss alone (`rounds=0`). What is timed samples several `shares` a launch, so that most of a round
goes into steps; a launch a round stays, for ranks that stayed up would share a layout of memory, an
order of connections and a neighbour over all rounds.
"""

from bench import Axis, Sweep, sweep
from suites.distributed.sizes import COLLECTIVES

# `alone` marks strategies of one process, which others are held to; `grouped` those that need
# several groups of ranks; `several GPUs` one process that wants them, which smoke leaves out.
GROUPED_FROM = 4

TRAINING: dict[str, Axis] = {"pass": "train"}
SMALL: dict[str, Axis] = {**TRAINING, "batch": 8, "seqlen": 64, "num_layers": 2, "dim": 128}
MEDIUM: dict[str, Axis] = {**TRAINING, "batch": 8, "seqlen": 64, "num_layers": 4, "dim": 256}
LARGE: dict[str, Axis] = {
    **TRAINING,
    "batch": 64,
    "seqlen": 1024,
    "num_layers": 12,
    "num_heads": 12,
    "dim": 768,
    "loss_steps": 100,
}
KIB, MIB = 1 << 10, 1 << 20


def smoke(device: str) -> list[Sweep]:
    """Show every strategy and collective at two ranks."""
    effort: dict[str, Axis] = {"rounds": 3, "quality_seeds": 1}
    return [
        *(s.unmarked("several GPUs") for s in _against_one_process(SMALL, (2,), **effort)),
        *_collectives(4 * KIB, 4 * MIB, (2,), rounds=1),
        *([] if device == "cuda" else _contrastive((2,), rounds=0)),
    ]


def quick(device: str) -> list[Sweep]:
    """Time at two ranks; ask four, mixed precision and options for all but the time."""
    untimed: dict[str, Axis] = {**SMALL, "rounds": 0, "quality_seeds": 1}
    return [
        *_against_one_process({**MEDIUM, "loss_steps": 10}, (2,), quality_seeds=1, shares=8),
        _of_one_rank({**MEDIUM, "loss_steps": 10}, 2).at(shares=8),
        *_by_ranks({**untimed, "quality_seeds": 0}, (4,)),
        *_against_one_process({**untimed, "precision": "bf16_mixed"}, (2,)),
        *_by_ranks({**untimed, "precision": "bf16_mixed", "quality_seeds": 0}, (4,)),
        sweep("DataParallelTraining", **untimed, ranks=4, reduce_to_owner=True).having(
            "reduce_to_owner"
        ),
        *_on_one_device(),
        *_offloaded({**untimed, "quality_seeds": 0}),
        *_options_of_ddp({**untimed, "quality_seeds": 0}),
        *_collectives(KIB, 16 * MIB, (2,), rounds=4),
        *_contrastive((2, 4), rounds=0, quality_seeds=1),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask a model of GPT-2's size on GPUs, a larger small one on cores."""
    if device == "cuda":
        return [
            *_against_one_process(LARGE, (2, 4, 8), quality_seeds=3, shares=4),
            *_collectives(KIB, 1024 * MIB, (2, 4, 8)),
            *_contrastive((2, 4, 8), batch=16384, embedding=512, features=768, quality_seeds=3),
        ]
    return [
        *_against_one_process({**MEDIUM, "loss_steps": 50}, (2,), quality_seeds=3, shares=2),
        *_by_ranks(MEDIUM, (4, 8), rounds=0, quality_seeds=3),
        *_collectives(KIB, 64 * MIB, (2, 4), rounds=5),
        *_contrastive((2,), rounds=5, quality_seeds=3),
        *_contrastive((4,), rounds=0, quality_seeds=3),
    ]


def full(device: str) -> list[Sweep]:
    """Ask the same with the engines' own alternatives beside their defaults."""
    shape = LARGE if device == "cuda" else MEDIUM
    ranks = (2, 4, 8) if device == "cuda" else (2, 4)
    to_owner = sweep(
        "DataParallelTraining", **shape, ranks=ranks, reduce_to_owner=True, quality_seeds=3
    )
    return [*standard(device), to_owner.having("reduce_to_owner")]


def _against_one_process(
    shape: dict[str, Axis], ranks: tuple[int, ...], **effort: Axis
) -> list[Sweep]:
    """Ask one process and every strategy at the same global batch."""
    return [
        sweep("DataParallelTraining", **shape, ranks=1, **effort).marked("alone"),
        *_by_ranks(shape, ranks, **effort),
    ]


def _of_one_rank(shape: dict[str, Axis], ranks: int) -> Sweep:
    """Ask one process for a rank's part of the batch: what ranks would take if none waited."""
    batch = shape["batch"]
    assert isinstance(batch, int)
    own = sweep("DataParallelTraining", **{**shape, "batch": batch // ranks}, ranks=1)
    return own.marked("alone").unmarked("several GPUs").at(quality_seeds=0)


def _by_ranks(shape: dict[str, Axis], ranks: tuple[int, ...], **effort: Axis) -> list[Sweep]:
    """Ask every strategy of several ranks, of each number of them those that it is enough for."""
    all_of_them = sweep("DataParallelTraining", **shape, **effort).unmarked("alone")
    few, many = (
        tuple(n for n in ranks if (n >= GROUPED_FROM) == grouped) for grouped in (False, True)
    )
    asked = [all_of_them.at(ranks=few).unmarked("grouped")] if few else []
    return [*asked, *([all_of_them.at(ranks=many)] if many else [])]


def _options_of_ddp(asked: dict[str, Axis]) -> list[Sweep]:
    """Ask DDP's options: hooks and accumulation by themselves, what changes no step at once."""
    replicas = sweep("DataParallelTraining", **asked, ranks=2).having("hook")
    return [
        replicas.at(hook=("fp16", "bf16", "powersgd")),
        replicas.at(micro_batches=2, no_sync=(True, False)),
        replicas.at(static_graph=True, bucket_cap_mb=1, gradient_as_bucket_view=False),
    ]


def _offloaded(asked: dict[str, Axis]) -> list[Sweep]:
    """Ask what offloads to the host; a CPU says that it is there."""
    offers = sweep("DataParallelTraining", **asked, ranks=2, offload="optimizer")
    return [offers.having("offload")]


def _on_one_device() -> list[Sweep]:
    """Ask what accumulation and checkpointing save one device; a batch that makes them tell."""
    wide: dict[str, Axis] = {**SMALL, "seqlen": 128, "dim": 64, "rounds": 0, "quality_seeds": 0}
    alone = sweep("DataParallelTraining", **wide, ranks=1).marked("alone")
    return [
        alone.at(num_layers=(4, 16), checkpointing=(None, "sqrt")).having("checkpointing"),
        alone.at(num_layers=4, checkpointing=("full", "selective")).having("checkpointing"),
        alone.at(num_layers=4, micro_batches=4).having("micro_batches"),
    ]


def _collectives(
    from_bytes: int, num_bytes: int, ranks: tuple[int, ...], **effort: Axis
) -> list[Sweep]:
    """Ask every collective, all sizes in one case: launches take longest."""
    asked: dict[str, Axis] = {"num_bytes": num_bytes, "from_bytes": from_bytes, "ranks": ranks}
    return [sweep(name, **asked, **effort) for name in COLLECTIVES]


def _contrastive(ranks: tuple[int, ...], **asked: Axis) -> list[Sweep]:
    """Ask one process and every way over ranks, by softmax and by sigmoid."""
    found = []
    for problem in ("ClipTraining", "SiglipTraining"):
        of_both = sweep(problem, **TRAINING, **asked)
        found += [of_both.at(ranks=1).marked("alone"), of_both.at(ranks=ranks).unmarked("alone")]
    return found
