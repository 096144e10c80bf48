"""The nouns: problems, variants, settings, cases and what is measured of them.

Any process; plain data, torch only where tensors are named.
"""
