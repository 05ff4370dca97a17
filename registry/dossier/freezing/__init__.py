"""Dossiers frozen for named people to sign, kept as they were signed, and compared with what came after."""
