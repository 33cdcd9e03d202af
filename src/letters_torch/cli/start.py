"""Runs a command and turns a user's mistake into one line."""

import gc
import os
import pkgutil
import signal
import sys

import letters_torch
from letters_torch.cli import checks, help, shorthand
from letters_torch.cli.commands import LIGHTNING, OTHERS
from letters_torch.cli.implied import with_config
from letters_torch.errors import UserError


def main(args: list[str] | None = None) -> None:
    """Runs a command.

    Args:
        args: as behind `python -m letters_torch`; None for the process's own.

    Raises:
        SystemExit: with exit code 2 and one line on stderr for a user's mistake; 128 + N after signal N.
    """
    args = sys.argv[1:] if args is None else args
    try:
        _run(args)
    except UserError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a full disk, a folder without write permission
        file = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename  # TensorBoard's
        _fail(f"{file or 'cannot read or write'}: {error.strerror or error}")


def _run(args: list[str]) -> None:
    name = args[0] if args else ""
    if name in ("-h", "--help"):
        print(help.of_program())
    elif name == "--version":
        print(f"letters_torch {letters_torch.__version__}")
    elif name in OTHERS:
        function = pkgutil.resolve_name(OTHERS[name].function)
        _collect_garbage_again()
        function(args[1:])
    elif name in LIGHTNING and {"-h", "--help"} & set(args):
        print(help.of_command(name))
    else:
        checks.check_command(name, [*LIGHTNING, *OTHERS])
        _run_lightning(shorthand.expand(args))


def _run_lightning(args: list[str]) -> None:
    checks.check_arguments(args)
    args = with_config(["--help" if arg == "--help-all" else arg for arg in args])
    from letters_torch.cli import lightning_cli  # takes seconds

    _collect_garbage_again()
    lightning_cli.run(args)


def _collect_garbage_again() -> None:
    """`__main__` switches the collector off for the imports; their objects live on, so it need not visit them again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _fail(message: str) -> None:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    print("error: " + " ".join(lines), file=sys.stderr)
    sys.exit(2)
