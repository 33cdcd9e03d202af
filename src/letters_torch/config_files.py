"""Finds the config that a bare name means: in the current folder, in configs/, in the installed package."""

from pathlib import Path

from letters_torch.errors import UserError

_PACKAGE = Path(__file__).parent
# Beside the installed package's modules or, where the package is run from its repository, two folders up.
_SHIPPED = (_PACKAGE / "configs", _PACKAGE.parents[1] / "configs")


def places() -> list[Path]:
    """Where a bare name is looked for, in order."""
    return [Path(), Path("configs"), *_SHIPPED]


def find(name: str) -> Path:
    """The file that `name` means; ".yaml" may be left out of a bare name.

    Raises:
        UserError: there is none; the message lists those that there are.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given
    if given.name == name:
        for place in places():
            for file in (place / name, place / f"{name}.yaml"):
                if file.is_file():
                    return file
    known = sorted({file.name for place in places()[1:] for file in place.glob("*.yaml")})
    raise UserError(f"--config {name}: no such file; the configs that come with letters_torch are {', '.join(known)}")
