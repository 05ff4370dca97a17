"""Serious incidents: cases with clocks, holds and reports to the authority (AI Act Art. 73)."""
