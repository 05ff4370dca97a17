"""Letters: templates as data, what they say of one case, and what was sent."""
