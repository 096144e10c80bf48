"""What makes a machine's times wander: one file a kind of reason, each looks and advises."""
