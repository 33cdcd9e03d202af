"""Counts what the tests tried; conftest.py prints it at the end of their run."""

from collections import Counter

FIGURES = Counter[str]()
