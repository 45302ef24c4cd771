"""What drives what."""
