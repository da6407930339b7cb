"""The gradients of the paper's networks, what its data are, and sabotage of its claims."""
