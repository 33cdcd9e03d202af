"""Pages for people: the report of a run, one step explained; and the figures that TensorBoard shows too."""
