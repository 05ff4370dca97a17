"""A system's EU AI Act documentation: requirements, the evidence that fills them, and what people sign."""
