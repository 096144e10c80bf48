"""When a result is right: references in float64, error budgets, fingerprints; and what a call did.

Runs in workers; builds on cases. `structure` is also read in the parent, without torch.
"""
