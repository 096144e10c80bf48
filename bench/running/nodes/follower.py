"""The leader's handle on a follower: one message, at most one answer, and whether it is there."""

from __future__ import annotations

import contextlib
import select
from typing import Any

from bench.errors import INTERRUPTED, UserError
from bench.running.nodes.channel import Channel, Gone, Message


class NodeLeft(UserError):
    """A node is there no more, and with it none of the cases that need it."""

    def __init__(self, node: int, why: str = ""):
        super().__init__(f"node {node} left the run{f': {why}' if why else ''}", INTERRUPTED)
        self.node = node


class Follower:
    """A node that serves; `reaches_at` is its own address, `reached_at` this machine's.

    `facts` are what it said of itself, once it was asked.
    """

    def __init__(self, channel: Channel, joined: Message):
        self.node, self.machine = int(joined["node_rank"]), str(joined["machine"])
        self.reaches_at, self.reached_at = str(joined["address"]), channel.address
        self.facts: dict[str, Any] = {}
        self._channel = channel
        self._left: NodeLeft | None = None
        self._due = False  # an answer

    def fileno(self) -> int:
        return self._channel.fileno()

    def tell(self, do: str, **more: Any) -> None:
        """Send what needs no answer; whether it arrives shows when one is due."""
        with contextlib.suppress(NodeLeft):
            self._send({"do": do, **more})

    def ask(self, do: str, **more: Any) -> None:
        """Send what is to be answered; NodeLeft where it is known that nobody gets it."""
        self._send({"do": do, **more})
        self._due = True

    def _send(self, message: Message) -> None:
        if self._left:
            raise self._left
        try:
            self._channel.send(message)
        except Gone:
            raise self.drop() from None

    def answer(self) -> Message:
        """Sleep until it answers; NodeLeft where it left, UserError where it refuses."""
        if self._left:
            raise self._left
        self._due = False
        try:
            answer = self._channel.receive()
        except Gone:
            raise self.drop() from None
        if "left" in answer:
            raise self.drop(str(answer["left"]))
        if "error" in answer:
            raise UserError(f"node {self.node}: {answer['error']}", int(answer["code"]))
        return answer

    def expect_there(self) -> None:
        """Raise NodeLeft where it left while nothing was asked of it.

        While an answer is due, what comes is that, and for whoever waits for it.
        """
        if self._left:
            raise self._left
        if not self._due and (self._channel.waiting or select.select([self], [], [], 0)[0]):
            self.answer()  # of one that is idle nothing comes but its leave

    def drop(self, why: str = "") -> NodeLeft:
        """Close the connection; return what to raise from now on."""
        self._channel.close()
        self._left = NodeLeft(self.node, why)
        return self._left

    def end(self, line: str, code: int) -> None:
        """Send it home with the line it prints, and its exit code."""
        self.tell("end", line=line, code=code)
        if not self._left:
            self._channel.close()
