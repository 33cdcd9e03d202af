"""Arguments as typed, before any parser has seen them."""

from collections.abc import Iterator


def values(args: list[str]) -> Iterator[tuple[str, str]]:
    """Flags with their values; a flag with several values comes once for each. `-c` is `--config`."""
    flag = ""
    for arg in args:
        if arg.startswith("--") or arg == "-c":
            flag, equals, value = arg.partition("=")
            flag = "--config" if flag == "-c" else flag
            if equals:
                yield flag, value
                flag = ""
        elif flag:
            yield flag, arg


def first(args: list[str], flag: str) -> str | None:
    """The first value of the last time that a flag is given; None if it is not."""
    at = max((place for place, arg in enumerate(args) if arg.partition("=")[0] == flag), default=None)
    return None if at is None else next((value for _, value in values(args[at:])), None)
