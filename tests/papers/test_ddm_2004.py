"""ddm_2004: the gradients of the perceptron, three forms of the monitor, the streams, sabotage of the claims."""
