"""Four eyes: who asked for a version, who said yes on what evidence, and what is still missing."""
