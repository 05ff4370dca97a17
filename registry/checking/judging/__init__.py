"""From measurements and thresholds to findings. Pure: what was measured comes as arrays and words."""
