"""What is sampled from: one module a ground, found by its name; see `suites.samplers.ground`."""
