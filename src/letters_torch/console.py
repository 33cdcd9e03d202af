"""Lines for the person at the terminal."""

from tqdm import tqdm


def say(text: str) -> None:
    """Prints a line to standard output without breaking a progress bar."""
    tqdm.write(text)
