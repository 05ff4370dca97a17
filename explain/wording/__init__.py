"""The words in which the inputs of a system are told to the people decided about."""
