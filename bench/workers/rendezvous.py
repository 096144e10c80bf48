"""Where the agents of several nodes meet: at a store that node 0 keeps.

A process of its own keeps it. In the agent its thread would work, and hold locks, while ranks are
forked, which would inherit them locked for ever; and other nodes do not wait for that.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from torch._C._distributed_c10d import TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    rendezvous_handler_registry,
)
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous

from bench.system import process

BACKEND = "touchstone-nodes"
MOST_S = 120.0  # to wait for another node's agent

Node = dict[str, Any]


class _Met(StaticTCPRendezvous):
    """torchrun's static rendezvous, of which every node is a client."""

    def get_backend(self) -> str:
        return BACKEND

    def next_rendezvous(self) -> RendezvousInfo:
        if not self._store:
            asked = self.master_addr, self.master_port
            self._store = TCPStore(*asked, self.world_size, is_master=False, timeout=self.timeout)
        return super().next_rendezvous()


def of_nodes(node: Node, nodes: int) -> dict[str, Any]:
    """Return how torchrun's engine is to launch this node's part, in `LaunchConfig`'s words."""
    if BACKEND not in rendezvous_handler_registry._registry:
        rendezvous_handler_registry.register(BACKEND, _met)
    return {
        "min_nodes": nodes,
        "max_nodes": nodes,
        "run_id": f"touchstone-{node['port']}",  # the same on every node
        "rdzv_backend": BACKEND,
        "rdzv_endpoint": f"{node['host']}:{node['port']}",
        "rdzv_configs": {"timeout": int(MOST_S), **node},
        "local_addr": node["address"],
    }


def of_one() -> dict[str, Any]:
    """Return how it is to launch all ranks on this machine."""
    return {
        "min_nodes": 1,
        "max_nodes": 1,
        "run_id": f"touchstone-{os.getpid()}",
        "rdzv_backend": "c10d",
        "rdzv_endpoint": "127.0.0.1:0",
        "local_addr": "127.0.0.1",
    }


def _met(parameters: RendezvousParameters) -> RendezvousHandler:
    config = parameters.config
    return _Met(
        master_addr=config["host"],
        master_port=config["port"],
        rank=config["rank"],
        world_size=parameters.max_nodes,
        run_id=parameters.run_id,
        timeout=config["timeout"],
    )


@contextmanager
def kept(node: Node | None) -> Iterator[None]:
    """Keep the store while the block lasts, on node 0; elsewhere do nothing."""
    if node is None or node["rank"] != 0:
        yield
        return
    reader, writer = os.pipe()
    host = os.getpid()
    pid = os.fork()
    if pid == 0:
        _keep(host, node["port"], writer)
    os.close(writer)
    try:
        with os.fdopen(reader) as told:
            if failure := told.read():
                raise RuntimeError(f"node 0 cannot keep the store of the ranks: {failure}")
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _keep(host: int, port: int, writer: int) -> None:
    """In the fork: never returns."""
    try:
        process.die_with_parent(host)
        limit = timedelta(seconds=MOST_S)
        store = TCPStore("127.0.0.1", port, None, True, limit, wait_for_workers=False)
        os.close(writer)
        while store:
            signal.pause()
    except Exception as error:
        os.write(writer, str(error).partition("\n")[0].encode())
    finally:
        os._exit(1)
