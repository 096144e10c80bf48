"""Tiny workloads of known length, one or more of every kind: what the instrument tests itself on.

`bench selftest` measures them against themselves; `bench run suites.yardsticks` like any others.
"""
