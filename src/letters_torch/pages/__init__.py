"""Pages for people: the report of a run, and one step explained."""
