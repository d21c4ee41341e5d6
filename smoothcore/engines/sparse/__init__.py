"""The engine `sparse`: NumPy and Numba on the pixels that are not 0."""
