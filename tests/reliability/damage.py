"""Damaged checkpoints and configs, as many as wanted, each the same for the same seed."""

import io
import random
import zipfile
from collections.abc import Callable
from typing import Any

import torch

Damage = Callable[[bytes, random.Random], bytes]


def truncated(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


def flipped(content: bytes, draw: random.Random) -> bytes:
    """One to eight bytes changed."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(changed))] ^= draw.randint(1, 255)
    return bytes(changed)


def overwritten(content: bytes, draw: random.Random) -> bytes:
    """A stretch of noise or zeros, as a bad block of a disk has it."""
    begin, length = draw.randrange(len(content)), draw.randint(1, 4096)
    noise = draw.randbytes(length) if draw.random() < 0.5 else bytes(length)
    return (content[:begin] + noise + content[begin + length :])[: len(content)]


def pickle_changed(content: bytes, draw: random.Random) -> bytes:
    """The pickle inside changed and its checksum made right again: only what the content says can tell."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            record = old.read(name)
            new.writestr(name, flipped(record, draw) if name.endswith("data.pkl") else record)
    return result.getvalue()


ODD: tuple[Any, ...] = (
    *(None, True, -1, 10**30, 1.5, float("nan"), float("inf"), "", "../x", [], {}, [1.0], {"V": 1}),
    *(torch.zeros(0), torch.zeros(16, 785), torch.zeros(26, 17), torch.zeros(785, 16), torch.tensor(3)),
    *(torch.full((16, 785), torch.nan), torch.zeros(16, 785, dtype=torch.int64), torch.zeros(16, 785).half()),
    *(torch.zeros(1).expand(10**9, 785), torch.zeros(28, 28), torch.zeros(16, 785).to_sparse()),
)


def value_changed(content: bytes, draw: random.Random) -> bytes:
    """A sound archive in which one value, at any depth, is another, or gone."""
    whole = torch.load(io.BytesIO(content), weights_only=True)
    part = whole
    while True:
        key = draw.choice(list(part))
        if not isinstance(part[key], dict) or not part[key] or draw.random() < 0.15:
            break
        part = part[key]
    if draw.random() < 0.2:
        del part[key]
    else:
        part[key] = draw.choice(ODD)
    result = io.BytesIO()
    torch.save(whole, result)
    return result.getvalue()


def something_else(content: bytes, draw: random.Random) -> bytes:
    """No archive, or one of other things."""
    assert content
    kind = draw.randrange(4)
    if kind == 0:
        return draw.randbytes(draw.randrange(2000))
    result = io.BytesIO()
    if kind == 1:
        torch.save(draw.choice(ODD[:13]), result)
    elif kind == 2:
        torch.save({"letters_torch": draw.choice(ODD), "state_dict": draw.choice(ODD)}, result)
    else:
        packed = zipfile.ZIP_DEFLATED if draw.random() < 0.5 else zipfile.ZIP_STORED
        with zipfile.ZipFile(result, "w", packed) as archive:
            archive.writestr("archive/data.pkl", bytes(draw.randrange(100_000)))
    return result.getvalue()


CHECKPOINTS: tuple[Damage, ...] = (truncated, flipped, overwritten, pickle_changed, value_changed, something_else)


def yaml_changed(content: bytes, draw: random.Random) -> bytes:
    """One value of the config is of another kind, or one key is unknown."""
    lines = content.decode().splitlines()
    at = draw.choice([i for i, line in enumerate(lines) if ": " in line])
    name, _, value = lines[at].partition(": ")
    odd = draw.choice(["[1, 2", "{}", "[]", "abc", "-3", "1e400", ".nan", "null", "!!python/object:os.system {}", "*x"])
    lines[at] = draw.choice([f"{name}: {odd}", f"{name}_unknown: {value}", f"{name} {value}", f"\t{name}: {value}"])
    return "\n".join(lines).encode()


def no_config(content: bytes, draw: random.Random) -> bytes:
    """YAML that is no table, or no YAML."""
    assert content
    kinds = [b"- 1\n- 2\n", b"3\n", b"text", b"", b"\x00\x01", draw.randbytes(200), b"[" * 3000, b"a: &a [*a]\n", b"{"]
    return draw.choice(kinds)


CONFIGS: tuple[Damage, ...] = (truncated, flipped, yaml_changed, no_config)
