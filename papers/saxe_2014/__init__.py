"""Saxe, McClelland and Ganguli 2014: how deep linear networks learn, mode by mode, and where they should start."""
