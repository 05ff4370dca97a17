"""Reading a version's manifest, inputs and artifact, and scoring with it: no Django, no database."""
