"""hopfield_1982: the energy by brute force, the derivations against loops, and sabotage of the claims."""
