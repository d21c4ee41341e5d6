"""The two-layer ReLU network and its random streams."""
