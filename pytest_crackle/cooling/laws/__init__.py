"""What stays the same, and what breaks it."""
