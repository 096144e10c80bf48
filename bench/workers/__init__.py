"""The fork server, its forks and their ranks: one attempt, one process.

Runs there; builds on all that a worker does.
"""
