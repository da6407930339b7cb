"""tail_at_scale_2013: the algebra of survival functions against simulation, and sabotage of the claims."""
