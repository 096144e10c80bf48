"""Whether this machine wrote a run folder: a seal that only its own secret can make.

A folder from elsewhere can say anything of itself; the secret is in no folder. It is this user's,
and as old as the cache it is kept in.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from pathlib import Path

from bench.errors import UserError
from bench.store.manifest import Manifest
from bench.store.paired import Pairing
from bench.system.cache import cache_folder

_BYTES = 32


def seal(manifest: Manifest) -> str:
    """Return the seal of the code that a run names; empty where no secret can be kept."""
    return _sealed(_named(manifest))


def seal_sides(pairing: Pairing) -> str:
    """Return the seal of where a comparison has its sides from; empty as `seal`."""
    sides = [[side.interpreter, side.git.get("commit")] for side in (pairing.a, pairing.b)]
    return _sealed(json.dumps([pairing.sort, pairing.repository, sides]).encode())


def written_here(manifest: Manifest) -> bool:
    """Say whether this machine wrote the folder, and the code it names is what it named then."""
    return _fits(seal(manifest), manifest.seal)


def sides_written_here(pairing: Pairing) -> bool:
    """Say whether this machine wrote where a comparison has its sides from."""
    return _fits(seal_sides(pairing), pairing.seal)


def _fits(own: str, told: str) -> bool:
    plain = told.encode(errors="surrogatepass")  # of a folder from elsewhere: any text
    return bool(plain) and hmac.compare_digest(own.encode(), plain)


def _sealed(what: bytes) -> str:
    key = _key()
    return hmac.new(key, what, "sha256").hexdigest() if key else ""


def _named(manifest: Manifest) -> bytes:
    code = sorted({(case.module, *case.preload) for case in manifest.cases})
    return json.dumps([manifest.journal, code]).encode()


def _key() -> bytes:
    """Return the secret, made on first use; nothing where it cannot be read."""
    try:
        path = cache_folder() / "folders.key"
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except (OSError, RuntimeError, UserError):  # RuntimeError: there is no home
        return b""
    return key if len(key) == _BYTES else b""


def _make(path: Path) -> None:
    """Make the secret, readable by this user alone; whole at once, however many start."""
    own = path.with_name(f".{path.name}.{os.getpid()}")
    own.unlink(missing_ok=True)
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_bytes(_BYTES))
    try:
        os.link(own, path)
    except FileExistsError:
        pass  # another process was first, and its secret counts
    finally:
        own.unlink()
