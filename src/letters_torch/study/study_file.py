"""Reads a study file: which settings are compared, with which seeds, by which metric."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import product, takewhile
from pathlib import Path
from typing import Any

from letters_torch import config_files
from letters_torch.errors import UserError, require_choice, require_int
from letters_torch.paths import expanded
from letters_torch.study import keys

STUDIES = "studies"
METRICS = {"val/acc": "max", "val/loss": "min", "train/acc": "max", "train/loss": "min"}
_SECTIONS = ("config", "set", "vary", "cases", "draw", "seeds", "metric", "final")
_DRAW_KEYS = ("method", "count", "seed", "from")
METHODS = ("random", "optuna")
DISTRIBUTIONS = ("uniform", "loguniform", "randint", "choice")  # Ray Tune's


@dataclass(frozen=True)
class Setting:
    """One point of the comparison; it is run once with each seed."""

    label: str  # names it in tables; unique in the study
    changes: Mapping[str, Any]  # dotted config keys that differ from the base, and their values
    config: Mapping[str, Any] = field(repr=False)  # the whole config, without a seed
    factors: Mapping[str, Any] = field(default_factory=dict)  # values of the keys under `vary`, for a point of the grid


@dataclass(frozen=True)
class Draw:
    """Settings that are drawn from distributions."""

    method: str  # "random", or "optuna" for Optuna's search
    count: int  # how many settings
    seed: int
    space: Mapping[str, Mapping[str, list[Any]]]  # by dotted key: {name of Ray Tune's distribution: its arguments}


@dataclass(frozen=True)
class Trial:
    """A setting with a seed: one run."""

    setting: Setting
    seed: int  # `seed_everything` of the run

    @property
    def config(self) -> dict[str, Any]:
        """The run's whole config, a copy: jsonargparse changes what it parses."""
        return {"seed_everything": self.seed, **deepcopy(dict(self.setting.config))}

    @property
    def key(self) -> str:
        """The name of the run's folder. It follows from the config: an edited study file finds its finished runs."""
        digest = hashlib.sha256(canonical(self.setting.config).encode()).hexdigest()[:8]
        slug = re.sub(r"[^A-Za-z0-9.=+-]+", "_", self.setting.label).strip("_")[:48]
        return f"{slug}-{digest}-seed{self.seed}"


@dataclass(frozen=True)
class Study:
    """The content of a study file."""

    file: Path
    title: str  # its first comment
    settings: tuple[Setting, ...]  # those that the file fixes; the first is the base
    draw: Draw | None  # settings that are still to be drawn
    seeds: tuple[int, ...]
    final_seeds: tuple[int, ...]  # fresh seeds for another run of the base and the best setting; empty for none
    metric: str  # what is compared, a curve's last value

    @property
    def mode(self) -> str:
        """Whether a good value of the metric is its "max" or its "min"."""
        return METRICS[self.metric]

    @property
    def base(self) -> Setting:
        """What the others are compared with."""
        return self.settings[0]

    @property
    def factors(self) -> list[str]:
        """The keys under `vary`."""
        return list(dict.fromkeys(key for setting in self.settings for key in setting.factors))

    def trials(self, settings: tuple[Setting, ...], seeds: tuple[int, ...]) -> list[Trial]:
        """Each setting with each seed; the seeds of one setting follow each other."""
        return [Trial(setting, seed) for setting in settings for seed in seeds]

    def drawn(self, values: Mapping[str, Any]) -> Setting:
        """The setting that has these drawn values."""
        return Setting(_label(values), dict(values), keys.changed(self.base.config, values))


def find(name: str) -> Path:
    """The study file that is meant: a path, or the name of one in configs/studies/.

    Raises:
        UserError: there is none.
    """
    given = expanded(name, "study")
    if given.is_file():
        return given
    folders = [place / STUDIES for place in config_files.places()[1:]]
    for folder in folders:
        for file in (folder / name, folder / f"{name}.yaml"):
            if given.name == name and file.is_file():
                return file
    known = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
    raise UserError(f"{name}: no such study file; those that come with letters_torch are {', '.join(known)}")


def read(file: Path) -> Study:
    """Reads a study file and the config that it starts from; see docs/studies.md for the format.

    Raises:
        UserError: it cannot be read, or something in it is unknown or contradicts itself.
    """
    content = config_files.read(file, flag="")
    try:
        return _study(file, content)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def _study(file: Path, content: dict[str, Any]) -> Study:
    _require_known("section", content, _SECTIONS)
    common = _table(content, "set")
    base = keys.changed(_config(content.get("config"), file), common)
    found = [Setting("base", {}, base), *_grid(base, _table(content, "vary"))]
    found += _cases(base, common, _table(content, "cases"), file)
    seeds = _seeds(content.get("seeds", [0]), "seeds")
    final = _table(content, "final")
    _require_known("key of final", final, ("seeds",))
    final_seeds = _seeds(final["seeds"], "final.seeds") if "seeds" in final else ()
    if set(seeds) & set(final_seeds):
        raise UserError(f"final.seeds: {sorted(set(seeds) & set(final_seeds))} are among `seeds`; give fresh ones")
    metric = content.get("metric", "val/acc")
    require_choice("metric", metric, list(METRICS))
    settings = distinct(found)
    labels = [setting.label for setting in settings]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(f"two settings have the label {label!r}; name the cases differently")
    return Study(file, _title(file), settings, _draw(content.get("draw")), seeds, final_seeds, metric)


def _title(file: Path) -> str:
    """The comment at the top of the file, as one line."""
    comment = takewhile(lambda line: line.startswith("#"), file.read_text(encoding="utf-8").splitlines())
    return " ".join(line.lstrip("# ").strip() for line in comment) or file.stem


def _config(named: Any, beside: Path) -> dict[str, Any]:
    """The settings of a config that is named in a study file: beside the file, or as `--config` finds it."""
    if not isinstance(named, str):
        raise UserError("config: name the config that the runs start from, such as config: quick.yaml")
    local = beside.parent / named
    path = local if local.is_file() else config_files.find(named)
    settings = {
        key: value for key, value in config_files.read(path).items() if key not in ("seed_everything", "ckpt_path")
    }
    settings["trainer"] = {"pictures": "never", **(settings.get("trainer") or {})}  # they take longer than a short run
    return settings


def _grid(base: Mapping[str, Any], vary: Mapping[str, Any]) -> Iterator[Setting]:
    for key, values in vary.items():
        if not isinstance(values, list) or not values:
            raise UserError(f"vary.{key}: give a list of values, such as [1, 2]")
    for values in product(*vary.values()) if vary else []:
        factors = dict(zip(vary, values, strict=True))
        yield Setting(_label(factors), factors, keys.changed(base, factors), factors)


def _label(values: Mapping[str, Any]) -> str:
    names = keys.short_names(values)
    return ", ".join(f"{names[key]}={keys.text(value)}" for key, value in values.items())


def _cases(
    base: Mapping[str, Any], common: Mapping[str, Any], cases: Mapping[str, Any], file: Path
) -> Iterator[Setting]:
    """A case may start from another config, which gets the study's common changes too."""
    for label, changes in cases.items():
        if not isinstance(changes, dict) or not changes:
            raise UserError(f"cases.{label}: give a table of config keys and values")
        own = {key: value for key, value in changes.items() if key != "config"}
        start = keys.changed(_config(changes["config"], file), common) if "config" in changes else base
        yield Setting(str(label), changes, keys.changed(start, own))


def _draw(content: Any) -> Draw | None:
    if content is None:
        return None
    if not isinstance(content, dict):
        raise UserError("draw: give a table with method, count and from")
    _require_known("key of draw", content, _DRAW_KEYS)
    method, space = content.get("method", "random"), content.get("from")
    seed = content.get("seed", 0)
    require_choice("draw.method", method, METHODS)
    require_int("draw.count", content.get("count"), 1)
    require_int("draw.seed", seed, 0)
    if not isinstance(space, dict) or not space:
        raise UserError("draw.from: name the keys to draw and their distributions")
    for key, distribution in space.items():
        _require_distribution(f"draw.from.{key}", distribution)
    return Draw(method, content["count"], seed, space)


def _require_distribution(where: str, given: Any) -> None:
    example = "such as {loguniform: [1e-3, 1e-2]}"
    if not isinstance(given, dict) or len(given) != 1:
        raise UserError(f"{where}: give one distribution, {example}")
    [(name, arguments)] = given.items()
    require_choice(where, name, DISTRIBUTIONS)
    if not isinstance(arguments, list) or not arguments or (name != "choice" and len(arguments) != 2):
        raise UserError(f"{where}.{name}: give a list, {example}")
    if name == "choice":
        return
    whole = name == "randint"
    are_numbers = all(type(n) in (int, float) and abs(n) < math.inf and not (whole and n % 1) for n in arguments)
    if not are_numbers or arguments[0] >= arguments[1]:
        kind = "whole numbers" if whole else "numbers"
        raise UserError(f"{where}.{name}: give two {kind}, the smaller one first, not {keys.text(arguments)}")
    if name == "loguniform" and arguments[0] <= 0:
        raise UserError(f"{where}.loguniform: the numbers must be above 0, not {keys.text(arguments)}")


def _seeds(given: Any, where: str) -> tuple[int, ...]:
    seeds = list(range(given)) if type(given) is int else given
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise UserError(f"{where}: give a list of whole numbers, 0 or more, or how many, not {given!r}")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{where}: a seed is given twice in {seeds}")
    return tuple(seeds)


def _table(content: Mapping[str, Any], section: str) -> dict[str, Any]:
    table = content.get(section)
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise UserError(f"{section}: must be a table, not {keys.text(table)}")
    return {str(key): value for key, value in table.items()}


def _require_known(what: str, content: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in content:
        if name not in known:
            raise UserError(f"unknown {what} {name!r}; known are {', '.join(known)}")


def distinct(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Without repetitions: the base may be a point of the grid, too, and is then named as that point."""
    found: dict[str, Setting] = {}
    for setting in settings:
        same = canonical(setting.config)
        if same not in found or (found[same].label == "base" and setting.factors):
            found[same] = setting
    return tuple(found.values())


def canonical(value: Any) -> str:
    """The same text for the same settings, in whatever order they are written."""
    return json.dumps(value, sort_keys=True, default=str)
