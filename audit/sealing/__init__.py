"""The sealer, a process of its own: it takes what was committed into the tree, and signs the tree's head."""
