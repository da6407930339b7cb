"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

from .games import online, three_cycle
from .identities import adagrad_limit, constant, largest_step, moments, rescaling, trajectories
from .learning import logistic, matrix, network, sparse, vae

__all__ = [
    "adagrad_limit",
    "constant",
    "largest_step",
    "logistic",
    "matrix",
    "moments",
    "network",
    "online",
    "rescaling",
    "sparse",
    "three_cycle",
    "trajectories",
    "vae",
]
