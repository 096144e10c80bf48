"""The instrument tried on this machine: how noisy it is here, and what only a GPU can tell.

Runs in the parent.
"""
