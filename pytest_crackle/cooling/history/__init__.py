"""The session against past runs of the same suite: what changed, and what is not stable."""
