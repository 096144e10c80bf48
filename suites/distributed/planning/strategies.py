"""The strategies a plan compares: what each divides by ranks, and what it moves. Torch-free.

Bytes a parameter by kind, and where they are; a strategy's own file says which paper it is. Nothing
here is measured: `bench run distributed` holds the engines to their plans.
"""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = ("parameters", "gradients", "master", "momentum", "variance")
OPTIMIZER = ("master", "momentum", "variance")

# Bytes a parameter of each kind: Rajbhandari et al. 2020 (arXiv:1910.02054), section 3.1.
BYTES = {
    "bf16_mixed": dict(zip(KINDS, (2, 2, 4, 4, 4), strict=True)),
    "float32": dict(zip(KINDS, (4, 4, 0, 4, 4), strict=True)),
}


@dataclass(frozen=True)
class Planned:
    """A strategy on paper: kinds divided by ranks, kinds kept by the host, collectives in Psi.

    `whole` says that parameters are kept whole from forward to backward beside their parts,
    `gathers` that a layer is gathered when it runs. `sharded_master` is for engines whose parts are
    the float32 master weights themselves and have no 16-bit copy beside. `within` says that parts
    are of a node's ranks: every node holds all of them.
    """

    name: str
    says: str
    divided: tuple[str, ...] = ()
    on_host: tuple[str, ...] = ()
    collectives: dict[str, float] = field(default_factory=dict)
    gathers: bool = False
    whole: bool = False
    sharded_master: bool = False
    within: bool = False
    alone: bool = False


DATA_PARALLEL = {"all_reduce": 1.0}
ONCE = {"reduce_scatter": 1.0, "all_gather": 1.0}
TWICE = {"reduce_scatter": 1.0, "all_gather": 2.0}
STAGE_2 = ("gradients", *OPTIMIZER)

PLANNED = (
    Planned("single", "one device", alone=True),
    Planned("ddp", "replicas", collectives=DATA_PARALLEL),
    Planned("zero1", "optimizer states divided", OPTIMIZER, collectives=ONCE),
    Planned("zero2", "gradients too", STAGE_2, collectives=ONCE),
    Planned("zero3", "parameters too", KINDS, collectives=TWICE, gathers=True),
    Planned(
        "zero1_offload", "optimizer states on the host", OPTIMIZER, OPTIMIZER, collectives=ONCE
    ),
    Planned("zero2_offload", "gradients too", STAGE_2, STAGE_2, collectives=ONCE),
    Planned("zero3_offload", "all but parameters on the host", KINDS, STAGE_2, TWICE, gathers=True),
    Planned("zero3_offload_all", "parameters too", KINDS, KINDS, TWICE, gathers=True),
    Planned(
        "fsdp2", "all divided, float32 parts", KINDS, (), TWICE, gathers=True, sharded_master=True
    ),
    Planned(
        "fsdp2_no_reshard",
        "and whole until backward",
        KINDS,
        collectives=ONCE,
        gathers=True,
        whole=True,
        sharded_master=True,
    ),
    Planned(
        "fsdp2_hybrid",
        "divided in a node, replicas between",
        KINDS,
        collectives=TWICE,
        gathers=True,
        sharded_master=True,
        within=True,
    ),
)


def bytes_a_parameter(strategy: Planned, precision: str) -> dict[str, float]:
    """Return the bytes of each kind before anything is divided.

    FSDP2's parts are float32 and serve as master weights; its 16-bit weights exist while gathered,
    and its gradients are kept as parts of that float32 kind.
    """
    counted = {kind: float(count) for kind, count in BYTES[precision].items()}
    if strategy.sharded_master and precision != "float32":
        counted |= {"parameters": 0.0, "gradients": 4.0}
    return counted
