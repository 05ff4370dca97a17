"""Possible serious incidents (AI Act Art. 73): cases with their clocks, and the legal hold on what they are about."""
