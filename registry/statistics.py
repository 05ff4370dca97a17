"""What the product measures about distributions and scores. Pure."""
