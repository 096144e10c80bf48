"""Training steps under precision policies: which is how fast, and what does it lose?"""
