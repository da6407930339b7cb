"""Hopfield, 1982: a memory that is addressed by content, as a network that runs downhill."""
