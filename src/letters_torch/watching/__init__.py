"""What a person sees of a run, and what is kept of it: the notebook's line, progress, checkpoints, the run folder."""
