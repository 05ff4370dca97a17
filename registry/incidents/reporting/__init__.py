"""The report about an incident: its drafts, what was sent, and what is written with authorities."""
