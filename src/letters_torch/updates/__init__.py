"""Exact single-sample SGD on the network's two weight matrices, in three forms; no Lightning here. See README.md."""
