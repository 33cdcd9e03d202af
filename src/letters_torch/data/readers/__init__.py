"""One module for each kind of file: each yields letters."""
