"""Elman 1990: a network that is given its own hidden layer of the step before, and predicts what comes next."""
