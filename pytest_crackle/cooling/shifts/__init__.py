"""What is different from some test on."""
