"""The state of torch and of a worker's process: what a label says must be what was there.

Runs in workers; builds on system and cases.
"""

from bench.state.kept import Kept, remember
from bench.state.working import Watch, carrying

__all__ = ["Kept", "Watch", "carrying", "remember"]
