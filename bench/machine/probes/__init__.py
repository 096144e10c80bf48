"""What the machine did while a step was timed: power, energy, clocks, temperature, throttling."""
