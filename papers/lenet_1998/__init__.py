"""LeCun, Bottou, Bengio, Haffner 1998, and the zip-code network of LeCun et al. 1989."""
