"""How images become Inception's input: one module a way; see `suites.samplers.preprocessing`."""
