"""The run folder: `run.json` written whole, `records.jsonl` one flushed line an attempt."""

from bench.store.manifest import SCHEMA, Manifest, Session
from bench.store.reading import read
from bench.store.run import Run, create, create_at, new_folder
from bench.store.strict import decode
from bench.system.files import cannot_write, read_regular, write_whole

__all__ = [
    "SCHEMA",
    "Manifest",
    "Run",
    "Session",
    "cannot_write",
    "create",
    "create_at",
    "decode",
    "new_folder",
    "read",
    "read_regular",
    "write_whole",
]
