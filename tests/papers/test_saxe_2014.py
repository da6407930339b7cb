"""saxe_2014: the gradients against loops and the contract, the closed forms, and sabotage of the claims."""
