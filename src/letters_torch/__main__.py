"""`python -m letters_torch` and the script `letters-torch`: what a program sets up before the heavy imports."""

import gc
import io
import signal
import sys


def main() -> None:
    """Runs the command line as a program."""
    # Nothing needs saving before the first step. Until a fit installs its own handler, Ctrl-C ends the program at
    # once and without a traceback. A SIGINT that the caller ignores (nohup) stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # A line is seen when it is printed, also through a pipe (`fit | tee`); a character that the terminal's encoding
    # lacks is escaped.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    # Imports leave no garbage, and looking for it takes a seventh of their time. `cli.main` enables the collector.
    gc.disable()
    from letters_torch import cli

    try:
        cli.main()
    finally:
        gc.freeze()  # or Python's last collection goes through all objects, for up to two seconds


if __name__ == "__main__":
    main()
