"""The risk register of a system (AI Act Art. 9)."""
