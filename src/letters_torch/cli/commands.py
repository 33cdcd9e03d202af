"""The commands there are. A command's module is imported only when the command is called."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """A command of the command line.

    Attributes:
        summary: one line for the list of commands.
        function: `"module:function"`. The function takes the arguments behind the command's name, a list of strings,
            parses them (see `letters_torch.console.Parser`) and does the work. It raises `UserError` for a mistake of
            the user's; `cli.main` turns that into one line on stderr and exit code 2. Its module should import torch
            and what needs it inside functions, so that `--help` and a wrong flag answer at once.
    """

    summary: str
    function: str

    def load(self) -> Callable[[list[str]], None]:
        """Imports the function."""
        module, name = self.function.split(":")
        function: Callable[[list[str]], None] = getattr(import_module(module), name)
        return function


# Subcommands of LightningCLI: methods of `lightning_cli.CommandTrainer`, with the settings of a config.
LIGHTNING = {
    "fit": "train a network; or resume a run with --ckpt_path",
    "validate": "accuracy and loss on the validation rows, and a table of the letters",
    "test": "the same on the test rows, if they have labels",
    "predict": "write result.csv for the test rows, or read your own pictures",
    "report": "write an HTML page about a run",
    "explain": "write an HTML page that shows one training step in numbers",
}

# Commands with a parser of their own.
OTHERS: dict[str, Command] = {
    "runs": Command("list the runs: accuracy, steps, time, settings that differ", "letters_torch.cli.runs:main"),
    "draw": Command("write a page on which you draw letters and see them read", "letters_torch.cli.draw:main"),
    "study": Command(
        "compare settings and seeds in many runs, on one machine or a Ray cluster", "letters_torch.cli.study:main"
    ),
    "export": Command("write a network to ONNX, safetensors or PyTorch", "letters_torch.cli.export:main"),
}
