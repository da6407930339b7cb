"""Kipf and Welling 2017: graph convolutional networks, and semi-supervised classification with them."""
