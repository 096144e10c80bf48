"""A side.

An interpreter and the code it measures; its servers, its paths, and what is asked of it. Runs in
the parent, without torch.
"""
