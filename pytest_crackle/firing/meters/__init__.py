"""The meters: one small module for each source; each says what it measures and what it costs."""
