"""`draw`, `export` and `study`: each parses its arguments and calls its room, which is imported last.

All take the arguments behind the command's name and raise UserError for a mistake of the user's.
"""

import shlex
import webbrowser
from functools import partial
from pathlib import Path

from letters_torch.cli.checks import check_checkpoint, check_letters, require_utf8
from letters_torch.console import Parser
from letters_torch.errors import UserError
from letters_torch.paths import expanded
from letters_torch.run_folder import named_checkpoint
from letters_torch.study import study_file

DRAW = """Writes a page on which you draw letters: a trained network reads them, learns from them and shows how.
The page is one HTML file that needs no network: double-click it, or send it to somebody."""
EXPORT = """Writes the network of a checkpoint for use without letters_torch, and its model card.
The ONNX graph takes raw letters, uint8 N x 28 x 28, and holds the whole preprocessing."""
STUDY = "Trains a network for each setting and seed of a study file, on Ray, and compares them."
CHECKPOINT = "a checkpoint, or last or best of the newest run (default: best)"
_OUTPUT = partial(expanded, flag="--output")
_FOLDER = partial(expanded, flag="--folder")


def draw(args: list[str]) -> None:
    """Writes the page of `letters_torch.pages.draw`."""
    parser = Parser("draw", DRAW, "", "--open", "--ckpt_path last --output page.html")
    add = parser.add_argument
    add("--ckpt_path", metavar="FILE", help=CHECKPOINT)
    add("--output", metavar="FILE", type=_OUTPUT, default=Path("draw.html"), help="file to write (default: draw.html)")
    add("--data.path", metavar="PATH", dest="path", type=Path, help="the run's letters (default: where they were)")
    add("--open", action="store_true", help="open the page in the browser")
    options = parser.parse_args(args)
    check_checkpoint(options.ckpt_path)
    check_letters(options.path)
    checkpoint = named_checkpoint(options.ckpt_path)
    from letters_torch.pages.draw import command  # imports torch

    file = command.draw(checkpoint, options.path, options.output)
    if options.open:
        webbrowser.open(file.absolute().as_uri())


def export(args: list[str]) -> None:
    """Writes a network by `letters_torch.export`."""
    parser = Parser("export", EXPORT, "", "--format safetensors --ckpt_path last", "--output network.pt")
    add = parser.add_argument
    add("--format", choices=["onnx", "safetensors", "torch"], help="default: as --output ends, or onnx")
    add("--ckpt_path", metavar="FILE", help=CHECKPOINT)
    add("--output", metavar="FILE", type=_OUTPUT, help="default: letters.onnx, letters.safetensors or letters.pt")
    options = parser.parse_args(args)
    check_checkpoint(options.ckpt_path)
    checkpoint = named_checkpoint(options.ckpt_path)
    from letters_torch.export import command  # imports torch

    command.export(checkpoint, options.format, options.output)


def study(args: list[str]) -> None:
    """Runs a study by `letters_torch.study`, which may end the program with another exit code."""
    parser = Parser("study", STUDY, "learning-rate", "mine.yaml --threads 2", "mine.yaml --address auto")
    add = parser.add_argument
    add("file", help="the study file, or the name of one in configs/studies/")
    add("--address", help="a Ray cluster, such as `auto` for the one that `ray start` made")
    add("--folder", metavar="DIR", type=_FOLDER, help="where runs and results are kept; studies/NAME by default")
    add("--threads", metavar="N", type=int, default=1, help="threads of each trial (default: 1)")
    require_utf8(args)
    options = parser.parse_args(args)
    if options.threads < 1:
        raise UserError(f"--threads must be 1 or more, not {options.threads}")
    found = study_file.read(study_file.find(options.file))
    folder = (options.folder or Path(study_file.STUDIES) / found.file.stem).absolute()
    from letters_torch.study import command

    command.run(found, f"{parser.prog} {shlex.join(args)}", folder, options.address, options.threads)
