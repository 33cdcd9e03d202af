"""Short flags for settings with a long name, or that take several of Lightning's."""

import json

from letters_torch.errors import UserError

EARLY_STOPPING = "--early_stopping"
NAME = "--name"
FLAGS = (EARLY_STOPPING, NAME)


def expand(args: list[str]) -> list[str]:
    """Replaces `--name NAME` by `--trainer.run_name=NAME`, and `--early_stopping N` by Lightning's EarlyStopping.

    Args:
        args: the command's name and its arguments.

    Raises:
        UserError: N is not a whole number of at least 1; or the command is not `fit`.
    """
    result, rest = [], iter(args)
    for arg in rest:
        flag, equals, value = arg.partition("=")
        if flag not in FLAGS:
            result.append(arg)
            continue
        if args[0] != "fit":
            raise UserError(f"{flag} is for fit only")
        given = value if equals else next(rest, "")
        result += [f"--trainer.run_name={given}"] if flag == NAME else _early_stopping(given)
    return result


def join_checkpoints(args: list[str]) -> list[str]:
    """Replaces `--ckpt_path A B` by `--ckpt_path=["A", "B"]`, the parser's form of a list.

    Args:
        args: the command's name and its arguments; only `predict` takes several checkpoints.
    """
    if args[0] != "predict" or "--ckpt_path" not in args:
        return args
    at = len(args) - 1 - args[::-1].index("--ckpt_path")
    end = next((place for place in range(at + 1, len(args)) if args[place].startswith("-")), len(args))
    named = args[at + 1 : end]
    return [*args[:at], f"--ckpt_path={json.dumps(named)}", *args[end:]] if len(named) > 1 else args


def _early_stopping(patience: str) -> list[str]:
    if not patience.isdecimal() or int(patience) < 1:
        raise UserError(
            f"{EARLY_STOPPING} {patience}: give the number of validations without a better accuracy after which"
            " the run ends, 1 or more"
        )
    return [
        "--trainer.callbacks+=EarlyStopping",
        "--trainer.callbacks.monitor=val/acc",
        "--trainer.callbacks.mode=max",
        f"--trainer.callbacks.patience={patience}",
    ]
