"""Gibbs and Candès 2021: sets that cover the truth as promised, and a controller that keeps it so under drift."""
