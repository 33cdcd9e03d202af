"""The help that a person reads first: what a command does, examples, and the flags that people use."""

import shutil
from textwrap import fill
from typing import NamedTuple

from letters_torch.cli.commands import LIGHTNING, OTHERS
from letters_torch.console import PROGRAM


class Help(NamedTuple):
    """The help of one of Lightning's subcommands."""

    what: str  # what it does
    examples: tuple[str, ...]  # the arguments behind the command's name
    flags: dict[str, str]  # each with its metavariable, and what it does


_CHECKPOINT = {"--ckpt_path FILE": "a checkpoint, or last or best of the newest run; default best"}
_LETTERS = {
    "--data.path PATH": "Kaggle's letters_data.mat, emnist-letters.mat, or the folder that holds EMNIST/",
    "--data.source NAME": "auto, kaggle, emnist or builtin (letters that the program makes)",
}
_CONFIG = {"--config FILE": "settings; a bare name is looked for in ., in configs/ and in the package"}
_ROOT = {"--trainer.default_root_dir DIR": "the folder that holds lightning_logs/"}

HELP = {
    "fit": Help(
        "Trains the network by single-sample SGD and writes a run folder, lightning_logs/version_N. A step is one"
        " single-sample update. Ctrl-C stops the run, saves it and says how to resume it.",
        (
            "--config kaggle.yaml --data.path letters_data.mat",
            "--config quick.yaml --data.source builtin --name first-try",
            "--config best.yaml --early_stopping 5",
            "--ckpt_path last",
        ),
        {
            "--config FILE": "settings; comes with kaggle, notebook, stated, best-438k, best and quick",
            "--ckpt_path FILE": "resume: a checkpoint, or last or best of the newest run",
            "--name NAME": "added to the run folder's name: version_N-NAME",
            **_LETTERS,
            "--data.download true": "fetch EMNIST (with --data.source emnist)",
            "--model.hidden N": "hidden units",
            "--model.schedule LIST": "stages: '[{steps: 40000, lr: 0.01, weight_decay: 0.0001}]'",
            "--trainer.max_steps N": "the last step; default the end of the schedule",
            "--trainer.max_time TIME": "the longest run, DD:HH:MM:SS",
            "--trainer.val_check_interval N": "steps between two validations",
            "--early_stopping N": "stop after N validations without progress",
            "--trainer.precision 64-true": "compute in float64",
            **_ROOT,
            "--seed_everything N": "seed of the split, the weights and every step",
            "--print_config": "print all settings as a config file",
        },
    ),
    "validate": Help(
        "Prints loss and accuracy on the validation rows of a run, and a table of the letters.",
        ("", "--ckpt_path last", "--ckpt_path lightning_logs/version_0/checkpoints/last.ckpt"),
        {**_CHECKPOINT, **_LETTERS, **_CONFIG, **_ROOT},
    ),
    "test": Help(
        "Prints loss and accuracy on the test rows, if they have labels, and a table of the letters.",
        ("", "--ckpt_path last --data.path emnist-letters.mat"),
        {**_CHECKPOINT, **_LETTERS, **_CONFIG, **_ROOT},
    ),
    "predict": Help(
        "Writes result.csv (Id,Category) for the test rows, or reads your own pictures of single letters.",
        (
            "",
            "--ckpt_path last --output mine.csv",
            "--pictures photo.jpg scans/ --top 3",
            "--ckpt_path first.ckpt second.ckpt",
        ),
        {
            "--ckpt_path FILE ...": "a checkpoint, or last or best of the newest run; default best; the"
            " probabilities of several are averaged",
            "--top N": "list the N most probable letters of each row",
            "--output FILE": "the file to write; default result.csv",
            "--pictures PATH ...": "image files, or folders of them, to read instead of the test rows; also writes a"
            " page about them",
            **_LETTERS,
            **_CONFIG,
            **_ROOT,
        },
    ),
    "report": Help(
        "Writes one HTML page about a run: accuracy with its interval, curves, mistakes, settings.",
        ("", "--ckpt_path last --output report.html"),
        {**_CHECKPOINT, "--output FILE": "default report.html in the run's folder", **_LETTERS, **_CONFIG, **_ROOT},
    ),
    "explain": Help(
        "Writes the page of `draw`, opened at one step by hand: a validation row through forward pass, gradients and"
        " update, in numbers.",
        ("", "--ckpt_path best --row 7", "--model.hidden 20"),
        {
            "--ckpt_path FILE": "a checkpoint, or last or best of the newest run; default initial weights",
            "--row N": "index of the validation row, from 0",
            "--output FILE": "default explain.html",
            "--model.hidden N": "hidden units, for initial weights",
            **_LETTERS,
            **_CONFIG,
        },
    ),
}


def of_program() -> str:
    """The list of commands."""
    summaries = {**LIGHTNING, **{name: command.summary for name, command in OTHERS.items()}}
    return "\n".join(
        [
            f"usage: {PROGRAM} COMMAND [flags]",
            "",
            *_listed(summaries),
            "",
            f"{PROGRAM} COMMAND --help",
            f"{PROGRAM} --version",
        ]
    )


def of_command(command: str) -> str:
    """The help of one of Lightning's subcommands."""
    text = HELP[command]
    return "\n".join(
        [
            fill(text.what, _columns()),
            "",
            "examples:",
            *(f"  {PROGRAM} {command} {example}".rstrip() for example in text.examples),
            "",
            "flags:",
            *_listed(text.flags),
            "",
            f"All flags: {PROGRAM} {command} --help-all",
        ]
    )


def _listed(pairs: dict[str, str]) -> list[str]:
    """Names with their meaning, in two columns."""
    width = max(map(len, pairs)) + 4
    return [
        fill(f"  {name}".ljust(width) + what, _columns(), subsequent_indent=" " * width, break_on_hyphens=False)
        for name, what in pairs.items()
    ]


def _columns() -> int:
    """The width of the terminal, 60 to 100."""
    return min(max(shutil.get_terminal_size(fallback=(100, 24)).columns, 60), 100)
