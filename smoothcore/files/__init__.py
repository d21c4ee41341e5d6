"""Files that are whole or absent: where they lie, how they are written and read."""
