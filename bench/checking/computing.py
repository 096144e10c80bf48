"""Did a call compute anything? Judged by the names of what the profiler saw run.

Whatever is not known to only look at memory, reserve, copy or compare it counts as computing: a
compiled region, a custom operator, a kernel on a GPU, a range that `record_function` names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOVES = frozenset(
    """
    alias all any as_strided cat chunk clone contiguous copy_ detach detach_ empty empty_like
    empty_permuted empty_strided eq equal expand expand_as fill_ flatten full full_like index_select
    is_nonzero is_same_size item lift_fresh movedim narrow ne new_empty new_empty_strided new_full
    new_ones new_zeros ones ones_like permute reshape reshape_as resize_ resolve_conj resolve_neg
    result_type scalar_tensor select set_ slice split split_with_sizes squeeze stack swapaxes t to
    _to_copy transpose unbind unflatten unsqueeze _unsafe_view view view_as zero_ zeros zeros_like
    _has_compatible_shallow_copy_type _local_scalar_dense _reshape_alias
    """.split()  # noqa: SIM905 - a name a line would be sixty lines
)
# what surrounds operators and is named whether they compute or not; and copies on a GPU
_AROUND = re.compile(
    r"autograd::engine::|torch::autograd::|\w*Backward\d*$|AOTDispatcher|Pregraph bytecode|"
    r"TorchDynamo Cache|cu(da)?[A-Z]\w*$|Memcpy |Memset |.*direct_copy_kernel|.*FillFunctor|"
    r".*CatArrayBatchedCopy"
)
_HASH = re.compile(r"## Call (CompiledFxGraph) \w+ ##")
_NUM_NAMED = 6
_NAME_CHARACTERS = 60


def computing(names: Iterable[str]) -> list[str]:
    """Return the names of events that compute, each once, in order of appearance."""
    return [name for name in dict.fromkeys(names) if _computes(name)]


def in_words(names: Iterable[str]) -> str:
    """List the first few names, each once, without the hashes of compiled graphs."""
    distinct = list(dict.fromkeys(_HASH.sub(r"\1", name) for name in names))
    told = ", ".join(name[:_NAME_CHARACTERS] for name in distinct[:_NUM_NAMED])
    return told + (", …" if len(distinct) > _NUM_NAMED else "")


def _computes(name: str) -> bool:
    return name.removeprefix("aten::") not in _MOVES and not _AROUND.match(name)
