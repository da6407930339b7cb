"""pascanu_2013: the gradient contract, the closed forms, and sabotage of the claims."""
