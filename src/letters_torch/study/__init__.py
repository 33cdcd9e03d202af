"""Studies: many runs that differ in settings and seeds, on one machine or a Ray cluster, and what they show."""
