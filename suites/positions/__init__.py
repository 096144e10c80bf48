"""Position encodings: what telling attention where a token stands costs, and what it is told."""
