"""Writes built-in letters as a letters_data.mat in the competition's schema."""

import argparse
import inspect
import sys
from pathlib import Path

from scipy.io import savemat

from letters_torch.errors import UserError
from letters_torch.files import replacing
from letters_torch.letters import PIXELS, LetterSets
from letters_torch.synthetic import read


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status; a user's mistake is one line on the standard error, and 1."""
    options = _parser().parse_args(arguments)
    try:
        if not options.out.parent.is_dir():
            raise UserError(f"there is no folder {options.out.parent} to write to")
        if options.out.is_dir():
            raise UserError(f"{options.out} is a folder; name a file to write")
        write(options.out, read(options.train, options.test, options.seed))
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130
    return 0


def write(path: Path, sets: LetterSets) -> None:
    """Writes letters as train_x (N x 784), train_y (N x 1) and test_x, without the test's labels.

    Raises:
        OSError: the file cannot be written.
    """
    train_x, test_x = (part.images.reshape(-1, PIXELS) for part in (sets.train, sets.test))
    assert sets.train.labels is not None
    arrays = {"train_x": train_x, "train_y": sets.train.labels[:, None], "test_x": test_x}
    with replacing(path) as file:
        savemat(file, arrays, do_compression=True)


def _parser() -> argparse.ArgumentParser:
    defaults = inspect.signature(read).parameters
    parser = argparse.ArgumentParser(prog="python -m letters_torch.synthetic", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.mat", help="the file to write")
    for name, what in (("train", "letters to train on"), ("test", "letters to test on"), ("seed", "which letters")):
        default = defaults[name].default
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{what} (default {default:,})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
