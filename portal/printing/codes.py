"""How the typesetter's process says what became of a document, by its exit code. Pure."""

CANNOT_SHOW = 3
FAILED = 4
