"""What trials run on a card, in forks of a server; answers are plain data, and judged elsewhere."""
