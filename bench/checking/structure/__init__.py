"""What one call of a step did, in counts that have no noise: recorded, and told apart in words."""
