"""Short flags for settings that take several of Lightning's."""

from letters_torch.errors import UserError

EARLY_STOPPING = "--early_stopping"


def expand(args: list[str]) -> list[str]:
    """Replaces `--early_stopping N` by Lightning's EarlyStopping on the validation accuracy.

    Args:
        args: the command's name and its arguments.

    Raises:
        UserError: N is not a whole number of at least 1; or the command is not `fit`.
    """
    result, rest = [], iter(args)
    for arg in rest:
        name, equals, value = arg.partition("=")
        if name != EARLY_STOPPING:
            result.append(arg)
            continue
        patience = value if equals else next(rest, "")
        if args[0] != "fit":
            raise UserError(f"{EARLY_STOPPING}: only a fit can stop early")
        if not patience.isdecimal() or int(patience) < 1:
            raise UserError(
                f"{EARLY_STOPPING} {patience}: give the number of validations without a better accuracy after which"
                " the run ends, 1 or more"
            )
        result += [
            "--trainer.callbacks+=EarlyStopping",
            "--trainer.callbacks.monitor=val/acc",
            "--trainer.callbacks.mode=max",
            f"--trainer.callbacks.patience={patience}",
        ]
    return result
