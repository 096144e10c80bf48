"""`--like`: the shapes of a model, read from its configuration. Torch-free: the parent reads it."""
