"""The engine `tensorflow`: whole epochs compiled by XLA."""
