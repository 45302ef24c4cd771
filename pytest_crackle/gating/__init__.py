"""The gate: rules, budgets, marks and the baseline; report in, verdict out. Pure."""
