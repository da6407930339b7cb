"""conformal_2021: the gradient of the pinball loss, the rank against its definition, the controller, sabotage of the claims."""
