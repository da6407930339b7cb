"""Hochreiter, Schmidhuber 1997: long short-term memory."""
