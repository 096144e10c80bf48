"""What the literature says of mixers, put to a run. Torch-free."""
