"""A/A on this machine: how far the same code differs from itself, and what that hides."""
