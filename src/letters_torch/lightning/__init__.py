"""Lightning's side: the module, the trainer, the run folder, and what is kept and shown of a run."""
