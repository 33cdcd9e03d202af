"""Exact single-sample SGD on a two-layer network: arrays in, arrays out."""
