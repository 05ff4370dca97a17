"""The deployment checklist: gates, the checks that fill them with evidence, and the policy that says which bind."""
