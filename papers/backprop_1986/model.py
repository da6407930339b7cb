"""The networks of the paper, many trials of each side by side."""
