"""One training run: the loop, its settings, its checkpoints."""
