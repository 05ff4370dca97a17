"""What a system is under the AI Act: role, Annex III point, exits, and the duties and dates that follow."""
