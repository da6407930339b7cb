"""Next year's sunspot number from those of the years before: the study that designs/sunspots.md rests on."""
