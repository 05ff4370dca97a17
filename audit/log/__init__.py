"""The transparency log's formats and proofs: RFC 6962 trees in C2SP tiles, signed notes, checkpoints. Pure."""
