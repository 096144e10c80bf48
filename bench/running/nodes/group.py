"""Which nodes there are, which of them this is, and where they meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.errors import UserError

PORT = 29400  # torchrun's own
_SLURM_PORTS = range(20_000, 30_000)  # a job's is chosen by its number: jobs may share a node
_ENDPOINT = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^\s:\[\]/]+))(?::(?P<port>\d+))?"
)
_FORM = "--nnodes N --node-rank K --rdzv-endpoint HOST:PORT"


@dataclass(frozen=True)
class Group:
    """The nodes of a run as one of them sees it; node 0 listens at `host` and `port`."""

    nnodes: int
    node_rank: int
    host: str
    port: int

    @property
    def leads(self) -> bool:
        return self.node_rank == 0

    @property
    def endpoint(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"node {self.node_rank} of {self.nnodes}"

    def spread(self, cases: Iterable[Case]) -> list[Case]:
        """Spread every case of several ranks evenly; UserError where that is not possible."""
        return [self._spread(case) if case.ranks > 1 else case for case in cases]

    def _spread(self, case: Case) -> Case:
        if case.ranks % self.nnodes:
            raise UserError(
                f"{case.suite}/{case.variant}: {case.ranks} ranks cannot be spread evenly over "
                f"{self.nnodes} nodes; expected a multiple, as --set ranks={self.nnodes},"
                f"{2 * self.nnodes}"
            )
        return replace(case, nodes=self.nnodes)


def expect_as_begun(cases: Iterable[Case], group: Group | None) -> None:
    """Refuse to finish a run on more or fewer nodes than it was begun on."""
    begun = max((case.nodes for case in cases), default=1)
    here = group.nnodes if group else 1
    several = any(case.ranks > 1 for case in cases)
    if begun != here and (several or begun > 1):
        raise UserError(
            f"the run was begun on {counted(begun, 'node')}; expected --nnodes {begun}, got {here}"
        )


def group_of(
    nnodes: int | None, node_rank: int | None, endpoint: str, environment: Mapping[str, str]
) -> Group | None:
    """Return the nodes that were asked for, or that Slurm has given; None of one alone."""
    slurm = _of_slurm(environment)
    given = nnodes if nnodes is not None else slurm.nnodes if slurm else None
    if given is None and (node_rank is not None or endpoint):
        raise UserError(f"expected {_FORM}, got no --nnodes")
    if given is None or given == 1:
        return None
    known = slurm if slurm and slurm.nnodes == given else None
    rank = node_rank if node_rank is not None else known.node_rank if known else None
    if rank is None or not (endpoint or known):
        raise UserError(f"--nnodes {given}: expected {_FORM} on every node")
    if not 0 <= rank < given:
        raise UserError(f"--node-rank {rank}: expected 0 to {given - 1}")
    host, port = _place(endpoint) if endpoint else (known.host, known.port) if known else ("", 0)
    return Group(given, rank, host, port)


def _place(endpoint: str) -> tuple[str, int]:
    match = _ENDPOINT.fullmatch(endpoint.strip())
    port = int(match["port"] or PORT) if match else 0
    if not match or not 0 < port < 1 << 16:
        raise UserError(f"--rdzv-endpoint '{endpoint}': expected HOST:PORT of node 0")
    return match["six"] or match["host"], port


def _of_slurm(environment: Mapping[str, str]) -> Group | None:
    """Read what `srun` tells a task; None outside of it, and of a job on one node."""
    try:
        nnodes = int(environment.get("SLURM_NNODES", "1"))
        rank = int(environment["SLURM_NODEID"])
        hosts = environment["SLURM_JOB_NODELIST"]
        job = int(environment.get("SLURM_JOB_ID", "0"))
    except (KeyError, ValueError):
        return None
    if nnodes < 2:
        return None
    if environment.get("SLURM_LOCALID", "0") != "0":
        raise UserError("expected one task a node: srun --ntasks-per-node=1")
    port = _SLURM_PORTS[job % len(_SLURM_PORTS)]
    return Group(nnodes, rank, first_host(hosts), port)


def first_host(hosts: str) -> str:
    """Return the first of Slurm's list of hosts: of `rack[2-3]n[07,09-11],x1` it is rack2n07."""
    within = re.match(r"(?:[^,\[]|\[[^\]]*\])+", hosts.strip())
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", within[0]) if within else ""
