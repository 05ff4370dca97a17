"""Versions for reading: two side by side, the model card, and its machine-readable form."""
