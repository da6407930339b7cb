"""How fast the layers of core are: training steps beside the same steps in PyTorch, and layers beside plain loops.

A workload (`workload`) is a pair of the same training step, ours and PyTorch's. There is one file for each family
(`dense`, `images`, `recurrent`, `attention`, `language`, `optimisers`), and `registry` lists them all. To add one,
write a function that returns a `Pair` and put it in the WORKLOADS of its family.

Both sides compute the same, except that our layers return the gradient of the data too, which PyTorch leaves out where
a whole network stands on them. Nothing here ever judges a time: a test that did would fail on a busy machine. What is
judged is that gradients and steps are the same.
"""
