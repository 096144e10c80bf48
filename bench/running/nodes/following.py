"""Any other node: has servers as the leader wants them, and hands back their replies."""

from __future__ import annotations

import base64
import contextlib
import select
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.cases.case import Case
from bench.errors import INTERNAL, INTERRUPTED, InternalError, UserError
from bench.running.attempts import memory_limit_bytes
from bench.running.lock import device_lock
from bench.running.nodes.channel import Channel, Gone, Message
from bench.running.nodes.group import Group
from bench.running.nodes.joining import joined, machine, own_command
from bench.running.nodes.said import said_by
from bench.running.session import fresh_cache
from bench.sides.checkout import at_work
from bench.sides.server import Server, ServerDied
from bench.sides.side import Side
from bench.system import process
from bench.system.log import read_log


def follow(group: Group, wait: bool, tell: Callable[[str], None]) -> int:
    """Serve the leader until it ends the run; return the exit code that it gives."""
    process.adopt_orphans()
    tell(f"{group}: joins node 0 at {group.endpoint}")
    with contextlib.closing(joined(group)) as channel, fresh_cache() as cache, ExitStack() as held:
        following = Following(channel, Side(cache=cache), held, wait)
        channel.send(
            {
                "join": {
                    "nnodes": group.nnodes,
                    "node_rank": group.node_rank,
                    "command": own_command(sys.argv[1:]),
                    "machine": machine(),
                    "address": channel.address,
                }
            }
        )
        try:
            line, code = following.serve()
        except Gone:
            raise UserError(f"{group}: node 0 left the run", INTERRUPTED) from None
        except (KeyboardInterrupt, SystemExit):
            with contextlib.suppress(Gone):
                channel.send({"left": "it was interrupted there"})
            raise
    if code:
        raise UserError(line, code)
    tell(f"{group}: {line}")
    return 0


class Following:
    """Does what the leader says, message by message; `held` ends servers and lock at the end."""

    def __init__(self, channel: Channel, side: Side, held: ExitStack, wait: bool):
        self._channel, self._side, self._held, self._wait = channel, side, held, wait
        self._servers: dict[int, Server] = {}
        self._due: dict[int, Message] = {}  # requests under way, by server
        held.callback(self._close_all)

    def serve(self) -> tuple[str, int]:
        """Do as told until the end; return its line and exit code. Gone where the leader left."""
        while True:
            for number in self._ready():
                self._channel.send(self._answered(number))
            if not self._came():
                continue
            message = self._channel.receive()
            if message["do"] == "end":
                return str(message["line"]), int(message["code"])
            self._do(message)

    def _ready(self) -> list[int]:
        """Sleep until a message or an answer comes; return the servers whose answer is there."""
        sources = {self._servers[number].fileno(): number for number in self._due}
        lates = [self._servers[number].due for number in self._due]
        left = min((max(due - time.monotonic(), 0) for due in lates), default=None)
        if self._channel.waiting:
            left = 0
        found, _, _ = select.select([*sources, self._channel.fileno()], [], [], left)
        over = [n for n in self._due if time.monotonic() >= self._servers[n].due]
        return sorted({sources[one] for one in found if one in sources} | set(over))

    def _came(self) -> bool:
        return self._channel.waiting or bool(select.select([self._channel], [], [], 0)[0])

    def _do(self, message: Message) -> None:
        """Do one thing; what the user could mend is told to the leader, who tells everyone."""
        try:
            answer = getattr(self, f"_on_{message['do']}")(message)
        except UserError as error:
            answer = {"error": str(error), "code": error.exit_code}
        except InternalError as error:
            answer = {"error": str(error), "code": INTERNAL}
        if answer is not None:
            self._channel.send(answer)

    def _on_serve(self, message: Message) -> None:
        number = message["server"]
        log = self._log(number, "server")
        self._servers[number] = self._side.serve(log, tuple(message["preload"]))

    def _on_hello(self, message: Message) -> Message:
        return {"hello": self._servers[message["server"]].hello}

    def _on_describe(self, message: Message) -> Message:
        server = self._servers[message["server"]]
        return said_by(self._side, server, _cases(message), message["device"])

    def _on_lock(self, message: Message) -> Message:
        self._held.enter_context(device_lock(message["device"], self._wait, _cases(message)))
        return {}

    def _on_provision(self, message: Message) -> Message:
        cases = [at_work(case, self._side) for case in _cases(message)]
        log = self._folder / "provision.txt"
        return {"failed": self._side.provision(cases, log, lambda what, share: None)}

    def _on_attempt(self, message: Message) -> Message | None:
        number = message["server"]
        request = self._own(number, message["request"])
        try:
            self._servers[number].ask(request)
        except ServerDied:
            return _died()
        self._due[number] = request
        return None

    def _on_cancel(self, message: Message) -> None:
        if message["server"] in self._due:
            self._servers[message["server"]].end_attempt()

    def _on_close(self, message: Message) -> None:
        self._servers.pop(message["server"]).close()
        self._due.pop(message["server"], None)

    def _answered(self, number: int) -> Message:
        """Return a server's reply, with what its worker said and wrote here."""
        request = self._due.pop(number)
        try:
            reply = self._servers[number].answer()
        except ServerDied:
            return _died()
        log = Path(request["log"])
        said = read_log(log) if log.exists() else ""
        log.unlink(missing_ok=True)
        return {"reply": reply, "log": said, "files": _taken(request)}

    def _own(self, number: int, request: Message) -> Message:
        """Return the request with paths and memory of this machine."""
        own = {
            **request,
            "case": at_work(Case(**request["case"]), self._side),
            "log": str(self._log(number, "worker")),
        }
        if "memory_limit_bytes" in request:
            own["memory_limit_bytes"] = memory_limit_bytes()
        if "profile" in request:
            folder = self._folder / f"{number}-profile"
            own["profile"] = {**request["profile"], "folder": str(folder)}
        return own

    def _log(self, number: int, of: str) -> Path:
        return self._folder / f"{number}-{of}.txt"

    @property
    def _folder(self) -> Path:
        assert self._side.cache is not None
        return self._side.cache

    def _close_all(self) -> None:
        for server in self._servers.values():
            server.close()


def _cases(message: Message) -> list[Case]:
    return [Case(**plain) for plain in message["cases"]]


def _died() -> Message:
    return {"reply": {"outcome": "crash", "server_died": True}}


def _taken(request: Message) -> dict[str, str]:
    """Return the files of a profile that this node's ranks wrote, and remove them."""
    if "profile" not in request:
        return {}
    folder = Path(request["profile"]["folder"])
    found = {p.name: base64.b64encode(p.read_bytes()).decode() for p in folder.glob("*")}
    shutil.rmtree(folder, ignore_errors=True)
    return found
