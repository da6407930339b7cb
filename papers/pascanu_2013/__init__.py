"""Pascanu, Mikolov and Bengio 2013: why gradients through time vanish and explode, and two remedies."""
