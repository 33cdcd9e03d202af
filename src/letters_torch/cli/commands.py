"""The commands there are. A command's module is imported only when the command is called."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command with a parser of its own.

    Its function takes the arguments behind the command's name, parses them (see `letters_torch.console.Parser`) and
    does the work. It raises `UserError` for a mistake of the user's; `cli.main` turns that into one line on stderr and
    exit code 2. Its module imports torch inside functions, so that `--help` and a wrong flag answer at once.
    """

    summary: str  # one line for the list of commands
    function: str  # "module:function"


# Subcommands of LightningCLI: methods of `command_trainer.CommandTrainer`, with the settings of a config.
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
    "draw": Command("write a page on which you draw letters and see them read", "letters_torch.cli.others:draw"),
    "study": Command(
        "compare settings and seeds in many runs, on one machine or a Ray cluster", "letters_torch.cli.others:study"
    ),
    "export": Command("write a network to ONNX, safetensors or PyTorch", "letters_torch.cli.others:export"),
}
