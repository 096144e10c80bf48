"""What only a card can tell: trials in a fixed order, each in a process of its own."""
