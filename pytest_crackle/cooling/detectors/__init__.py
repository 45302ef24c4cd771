"""The detectors; each looks for one kind of pattern and knows nothing of the others."""
