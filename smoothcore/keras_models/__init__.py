"""Keras models: the two-layer network as one, and the measures of any."""
