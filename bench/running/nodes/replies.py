"""One reply made of those of all nodes, in the order in which they came."""

from __future__ import annotations

from typing import Any

from bench.workers.rank_replies import merge

Reply = dict[str, Any]


def one_reply(replies: dict[int, Reply]) -> Reply:
    """Return the job's reply: all ranks' as one, or that of the node that failed first.

    The ranks of other nodes fail later, since they were let down; a node that left is to blame
    whatever came before. Nodes that are all out of time are all told of: each knows its own ranks.
    """
    failed = {node: reply for node, reply in replies.items() if reply["outcome"] != "ok"}
    if not failed:
        return _merged(replies)
    gone = {node: reply for node, reply in failed.items() if reply.pop("left", False)}
    node, reply = next(iter((gone or failed).items()))
    if gone:
        return {**reply, "detail": reply["detail"]}
    blamed = {n: r for n, r in failed.items() if r["outcome"] == "timeout"}
    if reply["outcome"] != "timeout":
        blamed = {node: reply}
    told = "; ".join(f"node {n}: {blamed[n].get('detail', '')}" for n in sorted(blamed))
    return {**reply, "detail": told}


def _merged(replies: dict[int, Reply]) -> Reply:
    whole = {int(rank): own for part in replies.values() for rank, own in part["ranks"].items()}
    try:
        reply = merge([whole[rank] for rank in sorted(whole)])
    except ValueError as error:
        reply = {"outcome": "error", "detail": str(error)}
    return {**reply, "elapsed_s": replies[0]["elapsed_s"]}
