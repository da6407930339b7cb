"""Rumelhart, Hinton and Williams 1986: hidden units that learn what to stand for, by derivatives passed backwards."""
