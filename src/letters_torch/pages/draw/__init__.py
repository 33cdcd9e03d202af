"""The page on which one draws letters: read, taught, trained, and every step in numbers. Python writes it, a browser runs it."""
