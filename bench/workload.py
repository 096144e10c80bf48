"""A door for authors of steps with checks of their own: budgets, realisations, memory, settings."""

from bench.cases.tensors import tensors_in
from bench.checking.error_budget import Budget, Error
from bench.checking.lifted import lifted
from bench.checking.realisations import Realisation, nudge_weights, realise
from bench.checking.shared_reference import tensors_once_a_session
from bench.checking.storages import bytes_by_kind
from bench.state.allocator import heap_bytes
from bench.state.float32 import Products, float32_products, set_float32_products
from bench.system.cache import cache_folder
from bench.system.session_cache import once_a_session
from bench.workers.contest import synchronize

__all__ = [
    "Budget",
    "Error",
    "Products",
    "Realisation",
    "bytes_by_kind",
    "cache_folder",
    "float32_products",
    "heap_bytes",
    "lifted",
    "nudge_weights",
    "once_a_session",
    "realise",
    "set_float32_products",
    "synchronize",
    "tensors_in",
    "tensors_once_a_session",
]
