"""Shortens the messages of jsonargparse to one sentence."""

import inspect
import re
from collections.abc import Iterator, Sequence
from importlib import import_module

from letters_torch.console import did_you_mean

_LONGEST = 240  # characters of a message that is not understood here
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "list": "a list"}
_KINDS |= {"tuple": "a list", "Iterable": "a list", "dict": "a table of settings"}


def shortened(message: str) -> str:
    """The flag, its value, what is wrong with it, and what is accepted.

    Args:
        message: of jsonargparse, several lines.
    """
    keys = re.findall(r'Parser key "([^"]+)"', message)
    if not keys:
        return _cut(message)
    flag = "--" + ".".join(dict.fromkeys(keys))
    value = re.search(r"(?:Given|Got) value: (.*)", message)
    given = f" {_cut(value[1], 80)}" if value and "(" not in value[1] else ""
    for reason in (_setting, _missing, _class_name, _choice, _kind):
        found = reason(message)
        if found:
            return f"{flag}{given}: {found}"
    return _cut(f"{flag}{given}: " + " ".join(message.splitlines()[1:] or [message.partition(":")[2]]))


def _cut(text: str, longest: int = _LONGEST) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 4] + " ..."


def _setting(message: str) -> str:
    """A class does not have a setting."""
    found = re.search(r"class_path '([^']+)':\s*Option '([^']+)' is not accepted", message)
    if not found:
        return "name a class first" if "is abstract" in message else ""
    path, option = found.groups()
    known = [name for name in inspect.signature(_import(path)).parameters if name not in ("args", "kwargs")]
    name = path.rpartition(".")[2]
    if not known:
        return f"{name} has no settings; name a class that has {option!r} first, such as EarlyStopping"
    return f"{name} has no setting {option!r}{did_you_mean(option, known) or '; it has ' + ', '.join(known)}"


def _missing(message: str) -> str:
    """A class lacks a setting."""
    found = re.search(r"class_path '([^']+)':\s*the following arguments are required: (.*)", message)
    return f"{found[1].rpartition('.')[2]} needs {found[2].strip()}" if found else ""


def _class_name(message: str) -> str:
    """There is no class of that name."""
    found = re.search(r"Expected a dot import path string: (.*)", message)
    if not found:
        return ""
    known = sorted({name for path in re.findall(r"<class '([\w.]+\.[\w.]+)'>", message) for name in _subclasses(path)})
    listed = f"; there are {', '.join(known)}" if 0 < len(known) <= 12 else "; give the import path of one"
    return f"no such class{did_you_mean(found[1].strip(), known) or listed}"


def _subclasses(path: str) -> Iterator[str]:
    """The names of the classes that can be made from this one."""
    waiting = [_import(path)]
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        if not inspect.isabstract(each) and not each.__name__.startswith("_"):
            yield each.__name__


def _import(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(import_module(module), name)
    return found


def _choice(message: str) -> str:
    """The value is none of a few."""
    found = re.search(r"typing\.Literal\[([^\]]*)\]", message)
    if not found:
        return ""
    choices = list(dict.fromkeys(each.strip().strip("'\"") for each in found[1].split(",")))
    names = ["int"] if "<class 'int'>" in message.partition("Errors:")[0] else []
    value = re.search(r"(?:Given|Got) value: (.*)", message)
    return must_be(names, choices) + (did_you_mean(value[1].strip(), choices) if value else "")


def _kind(message: str) -> str:
    """The value is of another kind."""
    names = [name.rpartition(".")[2] for name in re.findall(r"Expected a <class '([\w.]+)'>", message)]
    return must_be(names) if _KINDS.keys() & names else ""


def must_be(names: Sequence[str], choices: Sequence[str] = ()) -> str:
    """`"must be a whole number or one of stages, never"`.

    Args:
        names: of types; those that a user need not know are left out.
        choices: values that stand for themselves.
    """
    needless = "int" if "float" in names else "bool" if "int" in names else None  # true and false stand for 1 and 0
    kinds = [_KINDS[name] for name in dict.fromkeys(names) if name in _KINDS and name != needless]
    listed = [f"{'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"] if choices else []
    return f"must be {' or '.join([*kinds, *listed])}"
