"""`python -m letters_torch study`."""

import shlex
from pathlib import Path

from letters_torch.console import Parser
from letters_torch.errors import UserError
from letters_torch.study import study_file


def main(args: list[str]) -> None:
    """Parses the arguments, reads the study file and runs the study.

    Raises:
        UserError: a mistake in the study file or in a flag.
        SystemExit: as `letters_torch.study.command.run`.
    """
    parser = Parser("study", "Trains a network for each setting and seed of a study file, on Ray, and compares them.")
    parser.add_argument("file", help="the study file, or the name of one in configs/studies/")
    parser.add_argument("--address", help="a Ray cluster, such as `auto` for the one that `ray start` made")
    parser.add_argument("--folder", type=Path, help="where runs and results are kept; studies/NAME by default")
    parser.add_argument("--threads", type=int, default=1, help="threads of each trial (default: 1)")
    options = parser.parse_args(args)
    if options.threads < 1:
        raise UserError(f"--threads must be 1 or more, not {options.threads}")
    study = study_file.read(study_file.find(options.file))
    folder = (options.folder or Path(study_file.STUDIES) / study.file.stem).expanduser().absolute()
    from letters_torch.study import command

    command.run(study, f"{parser.prog} {shlex.join(args)}", folder, options.address, options.threads)
