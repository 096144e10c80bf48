"""Linux, files, streams and words: what every process of the tool stands on.

Any process; imports nothing of ours but errors.
"""
