"""From samples to figures, verdicts and claims.

Runs in the parent and in readers, without torch; builds on the store.
"""
