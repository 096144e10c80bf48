"""The lines of `records.jsonl`: each ends with its number and a digest chained to the one before.

So a line that was deleted, doubled, moved or edited is seen, and which. That is against accidents
and careless editing; who wants to forge a line can count and hash as well.
"""

from __future__ import annotations

import re
from hashlib import blake2b

_END = re.compile(rb',"line":([0-9]{1,9})(,"chain":"([0-9a-f]{16})"\})$')
_LONGEST_END = 64  # bytes, and some: a line has thousands


def sealed(body: bytes, number: int, head: str) -> tuple[bytes, str]:
    """Return an encoded attempt as a numbered line, and the new head of the chain."""
    numbered = body[:-1] + b',"line":%d' % number
    head = _chained(head, numbered)
    return numbered + b',"chain":"%s"}\n' % head.encode(), head


def unsealed(line: bytes, number: int, head: str) -> tuple[bytes, str]:
    """Return the encoded attempt and the new head; ValueError where it is not as it was written."""
    end = _END.search(line, max(len(line) - _LONGEST_END, 0))
    if end is None:
        raise ValueError("expected to end with the line's number and digest; restore the file")
    if int(end[1]) != number:
        raise ValueError(
            f"it was written as line {int(end[1])}: lines before it were lost, doubled or moved; "
            "restore the file"
        )
    found = _chained(head, line[: end.start(2)])
    if found != end[3].decode():
        raise ValueError("it is not as it was written: its digest differs; restore the file")
    return line[: end.start()] + b"}", found


def _chained(head: str, numbered: bytes) -> str:
    return blake2b(head.encode() + numbered, digest_size=8).hexdigest()
