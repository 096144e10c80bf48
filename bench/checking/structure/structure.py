"""Structure: what one call of a step did. Counts of what ran, none of how long anything took."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import blake2b

from bench.cases.bounds import Count, Name

_DIGEST_BYTES = 12

Counts = dict[Name, Count]  # by name, in the order in which each came first


@dataclass(frozen=True)
class Structure:
    """What a call did, with set-up and its first call over.

    `operators` counts what the dispatcher ran, by name and dtypes; `order` is a digest of them all
    in a row, with their shapes. `heavy` has the shapes of those with most FLOPs, then bytes.
    `host_reads` are operators that hand values to Python, for which a GPU must be waited; `copies`
    go by direction; `collectives` have their bytes. `nodes` are autograd's. `graphs` is how many
    graphs of torch.compile ran, `kernels` what a compiler fused in them; on a GPU `launches` are
    its kernels. `breaks`, `recompilations` and `fallbacks` (frames left to Python) are of the whole
    process, since those belong to set-up and the first call. `flops`, `bytes_read` and
    `bytes_written` are counted at the operators; what runs inside of a fused kernel is not in them.
    Allocations are None where nobody counted.
    """

    operators: Counts = field(default_factory=dict)
    order: Name = ""
    heavy: Counts = field(default_factory=dict)
    host_reads: Counts = field(default_factory=dict)
    copies: Counts = field(default_factory=dict)
    copied_bytes: Counts = field(default_factory=dict)
    collectives: Counts = field(default_factory=dict)
    nodes: Counts = field(default_factory=dict)
    graphs: Count = 0
    kernels: Counts = field(default_factory=dict)
    launches: Counts = field(default_factory=dict)
    breaks: Counts = field(default_factory=dict)
    recompilations: Count = 0
    fallbacks: Count = 0
    flops: Count = 0
    bytes_read: Count = 0
    bytes_written: Count = 0
    allocations: Count | None = None
    allocated_bytes: Count | None = None

    @property
    def digest(self) -> str:
        """Return what names it: equal structures have equal ones."""
        return blake2b(self.encoded(), digest_size=_DIGEST_BYTES).hexdigest()

    def encoded(self) -> bytes:
        """Return it as JSON, without what is empty."""
        empty = asdict(Structure())
        told = {name: value for name, value in asdict(self).items() if value != empty[name]}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
