"""Gama, Medas, Castillo, Rodrigues 2004: a monitor on the running error, and what to train the next model on."""
