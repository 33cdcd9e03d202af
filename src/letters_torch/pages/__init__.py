"""Pages for people: the report of a run, and the page on which one draws letters."""
