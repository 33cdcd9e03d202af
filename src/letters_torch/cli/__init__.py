"""The command line: `python -m letters_torch COMMAND ...`."""

from letters_torch.cli.start import main

__all__ = ["main"]
