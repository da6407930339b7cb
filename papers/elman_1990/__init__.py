"""REPLACE with the authors and the year of elman_1990."""
