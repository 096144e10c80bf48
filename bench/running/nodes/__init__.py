"""Several machines in one run: node 0 leads and keeps the journal, the others serve.

Every node is given the same command. The parents talk over one TCP connection a node, in lines of
JSON, and never import torch; of a case of several nodes each hosts its own part of the ranks. The
network between nodes is trusted, as torchrun trusts it.
"""
