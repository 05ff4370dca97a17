"""The gateway: the process that answers decision requests by following the production pointer. No Django."""
