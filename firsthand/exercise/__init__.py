"""Exercises: every `def backward` of core and of the papers, blanked for a learner to write, and held to the contract.

Nothing is stored: `catalogue` finds them, `source` cuts them out, `specimens` has what they are checked on, `grade`
judges a learner's file, in a process of its own (`worker`).
"""
