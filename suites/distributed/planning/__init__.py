"""Scale on paper: what a model would hold, move and take on more ranks than are at hand."""
