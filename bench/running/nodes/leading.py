"""Node 0: waits for the others, compares them with itself, and sends them home at the end."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from ipaddress import ip_address

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.errors import INTERNAL, INTERRUPTED, UserError
from bench.running.nodes.channel import Channel, Gone, Message
from bench.running.nodes.follower import Follower
from bench.running.nodes.group import Group
from bench.running.nodes.joining import JOIN_S, machine, own_command
from bench.running.nodes.said import differences, facts_of, other_hardware, said_by
from bench.running.nodes.spread import SpreadServer, SpreadSide
from bench.sides.server import Server
from bench.sides.side import Side

_GREETING_S = 10.0  # for who connects to say who it is
_GREETING_BYTES = 1 << 20
_LINES = 3  # of what differs


@contextmanager
def led(group: Group, tell: Callable[[str], None]) -> Iterator[SpreadSide]:
    """Yield this side and its followers, once all have joined; they end when the block does."""
    tell(f"{group}: waits for {counted(group.nnodes - 1, 'other')} at {group.endpoint}")
    ending = "node 0 is done; the run is there", 0
    followers: list[Follower] = []
    try:
        _gather(group, followers)
        yield SpreadSide(host=group.host, followers=tuple(followers))
    except BaseException as error:
        ending = _ending(error)
        raise
    finally:
        for follower in followers:
            follower.end(*ending)


def agree(side: Side, server: Server, cases: list[Case], device: str) -> list[str]:
    """Have every follower be like this node and hold its lock; return what may differ, in words.

    UserError names what differs, and where.
    """
    if not (isinstance(side, SpreadSide) and isinstance(server, SpreadServer)):
        return []
    plain = [asdict(case) for case in cases]
    asked = {"server": server.number, "cases": plain, "device": device}
    server.wait_until_up()  # a follower answers one question at a time
    for follower in side.followers:
        follower.ask("describe", **asked)
    here = said_by(side, server, cases, device)
    notices: list[str] = []
    for follower in side.followers:
        there = follower.answer()
        if found := list(differences(here, there, device)):
            more = f"; and {len(found) - _LINES} more" if len(found) > _LINES else ""
            told = "; ".join(found[:_LINES])
            raise UserError(f"node {follower.node} differs: {told}{more}")
        follower.facts = facts_of(there)
        notices += [f"node {follower.node}: {line}" for line in other_hardware(here, there)]
    _lock(side.followers, asked)
    return notices + _provision(side.followers, plain)


def _lock(followers: Sequence[Follower], asked: Message) -> None:
    """Have each machine's lock held once, whoever of its nodes holds it; ours is."""
    held = {machine()}
    for follower in followers:
        if follower.machine not in held:
            held.add(follower.machine)
            follower.ask("lock", **asked)
            follower.answer()


def _provision(followers: Sequence[Follower], cases: list[Message]) -> list[str]:
    """Have what must be on disk first made on every node; return what could not be made."""
    wanted = [case for case in cases if case["provisioned"] and case["nodes"] > 1]
    for follower in followers if wanted else ():
        follower.ask("provision", cases=wanted)
    return [
        f"node {follower.node}: could not be made ready: {failure}"
        for follower in (followers if wanted else ())
        for failure in follower.answer()["failed"]
    ]


def _gather(group: Group, followers: list[Follower]) -> None:
    """Wait until all nodes have joined; UserError where one does not, or is no other node."""
    deadline = time.monotonic() + JOIN_S
    with contextlib.closing(_door(group)) as door:
        while len(followers) < group.nnodes - 1:
            door.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                link, _ = door.accept()
            except TimeoutError:
                there = {follower.node for follower in followers}
                late = [str(n) for n in range(1, group.nnodes) if n not in there]
                raise UserError(
                    f"expected {group.nnodes} nodes at {group.endpoint} within {JOIN_S:g} s; "
                    f"missing: node {', '.join(late)}"
                ) from None
            if follower := _greeted(Channel(link), group, followers):
                followers.append(follower)
    followers.sort(key=lambda follower: follower.node)


def _door(group: Group) -> socket.socket:
    """Listen; UserError where the endpoint is not this machine's, or taken."""
    try:
        found = socket.getaddrinfo(group.host, group.port, type=socket.SOCK_STREAM)
        family = found[0][0]
        host = group.host if _is_address(group.host) else ""  # a name may be the loopback's here
        return socket.create_server((host, group.port), family=family, backlog=group.nnodes)
    except OSError as error:
        raise UserError(
            f"--rdzv-endpoint {group.endpoint}: expected an address of node 0 and a free port: "
            f"{error.strerror}"
        ) from error


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _greeted(channel: Channel, group: Group, others: list[Follower]) -> Follower | None:
    """Return who has connected; None of one that is no node. UserError where it does not fit."""
    try:
        joined = channel.receive(_GREETING_S, _GREETING_BYTES)
        follower = Follower(channel, joined["join"])
    except (Gone, KeyError, TypeError, ValueError):
        channel.close()
        return None
    line = _misfit(joined["join"], follower, group, others)
    if line:
        others.append(follower)  # it is told as well
        raise UserError(line)
    return follower


def _misfit(joined: Message, follower: Follower, group: Group, others: list[Follower]) -> str:
    node = f"node {follower.node}"
    if joined.get("nnodes") != group.nnodes:
        return f"{node} expects {joined.get('nnodes')} nodes, node 0 expects {group.nnodes}"
    if not 0 < follower.node < group.nnodes or follower.node in {o.node for o in others}:
        return f"two nodes are {node}; expected each of 1 to {group.nnodes - 1} once"
    if joined.get("command") != own_command(sys.argv[1:]):
        theirs = " ".join(map(str, joined.get("command", [])))
        return f"{node} was given another command: bench {theirs}"
    return ""


def _ending(error: BaseException) -> tuple[str, int]:
    """Return what the others are told of how it ended here, and their exit code."""
    if isinstance(error, UserError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt | SystemExit | BrokenPipeError):
        return "the run was interrupted on node 0", INTERRUPTED
    code = int(getattr(error, "exit_code", INTERNAL))  # of typer's Exit
    return "the run ended early on node 0", code
