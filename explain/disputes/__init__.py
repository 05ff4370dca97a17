"""The dispute case: taken in, looked after, decided by a person, and answered in time."""
