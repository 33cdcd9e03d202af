"""What a network makes of letters: predictions, confusion, intervals, result.csv."""
