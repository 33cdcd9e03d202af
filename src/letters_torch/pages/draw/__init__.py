"""The page on which one draws letters. Python writes it; its JavaScript reads, teaches and trains in the browser."""
