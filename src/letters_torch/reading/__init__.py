"""Predictions of trained networks, and figures about them: confusion, intervals, result.csv."""
