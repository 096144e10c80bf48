"""Attention: operators (softmax, linear) by implementation, ranked only within one operator."""
