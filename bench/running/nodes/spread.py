"""A side that lies on several nodes: its servers ask all of them at once, and make one reply."""

from __future__ import annotations

import base64
import itertools
import select
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.cases.case import Case
from bench.running.nodes.follower import Follower, NodeLeft
from bench.running.nodes.joining import machine
from bench.running.nodes.replies import one_reply
from bench.sides.checkout import published
from bench.sides.server import Server, ServerDied
from bench.sides.side import Side
from bench.system.network import free_port

Reply = dict[str, Any]

GRACE_S = 5.0  # for the others, after a node failed: they tell why they did, if they can
_END_S = 20.0  # for those that were ended
_numbers = itertools.count()


@dataclass(frozen=True)
class SpreadSide(Side):
    """Node 0 with its followers; `host` is where they reach it."""

    host: str = ""
    followers: tuple[Follower, ...] = field(default=(), compare=False)

    def serve(self, log: Path, preload: tuple[str, ...] = ()) -> Server:
        return SpreadServer(self, log, preload)

    def libraries(self) -> dict[str, Any]:
        """Return what differs from the parent's own, and what the other nodes are."""
        nodes = [{"node": each.node, **each.facts} for each in self.followers]
        return {**super().libraries(), "nodes": nodes}

    def sharing(self, node: int) -> int:
        """Return how many nodes are on the machine of this one, itself among them."""
        machines = [machine(), *(follower.machine for follower in self.followers)]
        return machines.count(machines[node])


class SpreadServer(Server):
    """A server here, and one on every follower, which has its part of a case of several nodes."""

    def __init__(self, side: SpreadSide, log: Path, preload: tuple[str, ...]):
        super().__init__(side.interpreter, side.environment(), log, preload)
        self._side, self.number = side, next(_numbers)
        self._far: dict[int, Follower] = {}  # those of whom an answer is due, by node
        self._request: Reply = {}
        self._closed = False
        for follower in side.followers:
            follower.tell("serve", server=self.number, preload=list(preload))

    @cached_property
    def hello(self) -> dict[str, Any]:
        """Wait until the servers of all nodes are up; return what the one here says."""
        said: dict[str, Any] = super().hello
        for follower in self._side.followers:
            follower.ask("hello", server=self.number)
        for follower in self._side.followers:
            follower.answer()
        return said

    def list_cases(self, request: dict[str, Any]) -> dict[str, Any]:
        return super().list_cases({**request, "nodes": len(self._side.followers) + 1})

    def ask(self, request: dict[str, Any]) -> None:
        """Send one request to the nodes it is for; NodeLeft where one is there no more."""
        for follower in self._side.followers:
            follower.expect_there()
        self._request = request
        if request.get("case", {}).get("nodes", 1) == 1:
            self._far = {}
            return super().ask(request)
        port = free_port()
        self._far = {each.node: each for each in self._side.followers}
        super().ask({**request, "node": self._node(0, port, self._side.followers[0].reached_at)})
        plain = asdict(published(Case(**request["case"])))
        for node, follower in self._far.items():
            asked = {**request, "case": plain, "node": self._node(node, port, follower.reaches_at)}
            follower.ask("attempt", server=self.number, request=asked)

    def _node(self, rank: int, port: int, address: str) -> dict[str, Any]:
        place = {"host": self._side.host, "port": port, "address": address}
        return {"rank": rank, **place, "sharing": self._side.sharing(rank)}

    def answer(self) -> dict[str, Any]:
        """Sleep until all have answered; one that fails ends the attempt of the others."""
        if not self._far:
            return super().answer()
        replies = self._collect({}, self.due, lambda found: not _all_ok(found))
        self._collect(replies, time.monotonic() + GRACE_S)
        for node in self._late(replies):
            self._end(node)
        self._collect(replies, time.monotonic() + _END_S)
        for node in self._late(replies):
            replies[node] = self._given_up(node)
        if any(reply.pop("server_died", False) for reply in replies.values()):
            raise ServerDied
        return one_reply(replies)

    def close(self) -> None:
        """End the servers of all nodes; safe to call twice."""
        super().close()
        if not self._closed:
            for follower in self._side.followers:
                follower.tell("close", server=self.number)
        self._closed = True

    def _late(self, replies: dict[int, Reply]) -> list[int]:
        return [node for node in (0, *self._far) if node not in replies]

    def _collect(
        self,
        replies: dict[int, Reply],
        deadline: float,
        enough: Callable[[dict[int, Reply]], bool] = lambda _: False,
    ) -> dict[int, Reply]:
        """Take replies in the order in which they come, until the deadline or enough."""
        while (late := self._late(replies)) and not enough(replies):
            sources = {self._source(node): node for node in late}
            left = max(deadline - time.monotonic(), 0)
            ready, _, _ = select.select(list(sources), [], [], left)
            if not ready:
                break
            for source in ready:
                node = sources[source]
                replies[node] = self._far_reply(node) if node else self._own_reply()
        return replies

    def _source(self, node: int) -> int:
        return self._far[node].fileno() if node else self.fileno()

    def _own_reply(self) -> Reply:
        try:
            return super().answer()
        except ServerDied:
            return {"outcome": "crash", "server_died": True}

    def _far_reply(self, node: int) -> Reply:
        try:
            answer = self._far[node].answer()
        except NodeLeft as left:
            return {"outcome": "crash", "detail": str(left), "left": True}
        if said := answer.get("log", ""):
            with Path(self._request["log"]).open("a", encoding="utf-8") as log:
                log.write(f"node {node}:\n{said}")
        _keep_files(answer.get("files", {}), self._request.get("profile", {}).get("folder", ""))
        reply: Reply = answer["reply"]
        return reply

    def _end(self, node: int) -> None:
        if node == 0:
            self.end_attempt()
        else:
            self._far[node].tell("cancel", server=self.number)

    def _given_up(self, node: int) -> Reply:
        """Drop a node that does not even end what it was told to end."""
        if node == 0:
            return {"outcome": "crash", "server_died": True}
        self._far[node].drop("does not answer")
        return {"outcome": "crash", "detail": str(NodeLeft(node, "does not answer")), "left": True}


def _all_ok(replies: dict[int, Reply]) -> bool:
    return all(reply["outcome"] == "ok" for reply in replies.values())


def _keep_files(files: dict[str, str], folder: str) -> None:
    """Put what ranks elsewhere wrote of a profile beside what those here did."""
    for name, content in files.items() if folder else ():
        (Path(folder) / Path(name).name).write_bytes(base64.b64decode(content))
