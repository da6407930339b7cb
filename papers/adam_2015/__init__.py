"""Kingma and Ba 2015, with the counterexample of Reddi, Kale and Kumar 2018."""
