"""What an operator is by its schema: its name, what it changes, whether the host waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# What hands values of a tensor, or a size that depends on them, to the host.
HOST_READS = frozenset(
    (
        *("_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "nonzero_numpy"),
        *("masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "bincount"),
    )
)
INDEXING = frozenset({"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"})
COPIES = frozenset({"copy_", "_to_copy", "clone"})
_WRITE_NOTHING = ("empty", "new_empty")
_COMPOSITE = "CompositeImplicitAutograd"


@dataclass(frozen=True)
class Operator:
    """An operator as the dispatcher knows it.

    `views` says that it only looks at its input anew, `reserves` that it makes memory and leaves it
    as it is, `composite` that it consists of others. It changes the arguments of the names in
    `writes`, which stand at `places`.
    """

    name: str
    views: bool
    reserves: bool
    writes: tuple[str, ...]
    places: tuple[int, ...]
    composite: bool

    @classmethod
    def of(cls, called: Any) -> Operator:
        """Read a schema; a higher-order operator has none."""
        schema = getattr(called, "_schema", None)
        if schema is None:
            return cls(str(called), False, False, (), (), False)
        space, _, name = schema.name.partition("::")
        changed = [
            (place, one.name)
            for place, one in enumerate(schema.arguments)
            if one.alias_info is not None and one.alias_info.is_write
        ]
        returns = [one.alias_info for one in schema.returns]
        return cls(
            name if space == "aten" else schema.name,
            views=not changed and any(alias is not None for alias in returns),
            reserves=name.startswith(_WRITE_NOTHING),
            writes=tuple(name for _, name in changed),
            places=tuple(place for place, _ in changed),
            composite=torch._C._dispatch_has_kernel_for_dispatch_key(called.name(), _COMPOSITE),
        )

    def changed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
        """Return the tensors that a call of it changes."""
        found = [args[place] for place in self.places if place < len(args)]
        found += [kwargs[name] for name in self.writes if name in kwargs]
        return list(tensors_among(found))

    def waits(self, given: Iterable[Tensor]) -> bool:
        """Say whether the host waits for the values of a device."""
        if self.name in HOST_READS:
            return True
        kinds = (torch.bool, torch.uint8)
        return self.name in INDEXING and any(one.dtype in kinds for one in list(given)[1:])


def tensors_among(values: Iterable[Any]) -> Iterator[Tensor]:
    """Yield the tensors among arguments, also those in lists."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_among(value)


def num_bytes(tensor: Tensor) -> int:
    """Return the bytes that a tensor shows; what an expansion repeats counts once."""
    count = tensor.numel()
    strides = tensor.stride()
    if count and 0 in strides:
        count = 1
        for size, stride in zip(tensor.shape, strides, strict=True):
            count *= size if stride else 1
    return count * tensor.element_size()
