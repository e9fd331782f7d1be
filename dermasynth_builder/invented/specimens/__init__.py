"""Drawn releases in the layouts of the real ones."""
