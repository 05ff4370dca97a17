"""The registry's scheduled work."""
