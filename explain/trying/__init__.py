"""What if: other values for a decision's inputs, answered at once by the version that decided."""
