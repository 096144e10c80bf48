"""A run from its first attempt to its last: sessions, order, locks, progress.

Runs in the parent; asks sides, writes to the store. `proving` tries the instrument itself.
"""
