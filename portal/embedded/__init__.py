"""PostgreSQL and Redis from wheels, with all their state under `VAR_DIR`: for a machine that has neither."""
