"""The human review: another person looks at the case, corrects what was wrong, and decides."""
