"""Where features are kept, for training and for serving, and how both are read for a comparison. No Django."""
