"""Dean and Barroso, 2013: the tail at scale."""
