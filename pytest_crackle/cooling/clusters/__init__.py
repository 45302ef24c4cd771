"""Tests that share one cost."""
