"""Evidence that somebody sends and that we can judge: image manifests, data validations, feature parity. Pure cores."""
