"""The risk register of a system (AI Act Art. 9): what may go wrong, what stands against it, who accepts the rest."""
