"""When a result is right: references in float64, error budgets, fingerprints.

Runs in workers; builds on cases.
"""
