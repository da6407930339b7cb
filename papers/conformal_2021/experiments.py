"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""
