"""The witness: a second party that remembers how far it saw a log and cosigns only what goes on from there."""
