"""Whose word stands behind a version: identities of CI, checked by signature."""
