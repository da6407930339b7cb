"""REPLACE with the authors and the year of gcn_2017."""
