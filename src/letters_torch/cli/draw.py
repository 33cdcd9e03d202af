"""`python -m letters_torch draw`."""

import webbrowser
from pathlib import Path

from letters_torch.cli.checks import check_checkpoint, check_letters
from letters_torch.console import Parser
from letters_torch.run_folder import named_checkpoint

DESCRIPTION = """Writes a page on which you draw letters: a trained network reads them, learns from them and shows how.
The page is one HTML file that needs no network: double-click it, or send it to somebody."""


def main(args: list[str]) -> None:
    """Parses the arguments and writes the page.

    Raises:
        UserError: a wrong argument, or as `letters_torch.pages.draw.command.draw`.
    """
    parser = Parser("draw", DESCRIPTION)
    add = parser.add_argument
    add("--ckpt_path", help="a checkpoint, or last or best of the newest run (default: best)")
    add("--output", type=Path, default=Path("draw.html"), help="file to write (default: draw.html)")
    add("--data.path", dest="path", type=Path, help="where the run's letters are now (default: where they were)")
    add("--open", action="store_true", help="open the page in the browser")
    options = parser.parse_args(args)
    check_checkpoint(options.ckpt_path)
    check_letters(options.path)
    checkpoint = named_checkpoint(options.ckpt_path)
    from letters_torch.pages.draw.command import draw  # imports torch

    file = draw(checkpoint, options.path, options.output)
    if options.open:
        webbrowser.open(file.absolute().as_uri())
