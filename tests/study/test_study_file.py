"""Study files: what they expand to, and what is refused in them."""

from pathlib import Path
from typing import Any

import pytest

from letters_torch.errors import UserError
from letters_torch.study import keys, study_file
from letters_torch.study.study_file import Trial
from tests.study.small import STUDY, study


def test_a_grid_is_every_combination_and_the_base_is_named_as_its_point(tmp_path: Path) -> None:
    found = study(tmp_path)
    labels = [setting.label for setting in found.settings]
    assert labels == ["lr=0.02, hidden=6", "lr=0.01, hidden=4", "lr=0.01, hidden=6", "lr=0.02, hidden=4", "moments"]
    assert found.base.config["model"]["hidden"] == 6  # the config's
    assert [len(setting.factors) for setting in found.settings] == [2, 2, 2, 2, 0]
    trials = found.trials(found.settings, found.seeds)
    assert len(trials) == len({one.key for one in trials}) == 10
    assert [one.seed for one in trials[:3]] == [0, 3, 0]


def test_a_base_outside_the_grid_is_a_setting_of_its_own(tmp_path: Path) -> None:
    found = study(tmp_path, vary={"model.hidden": [3, 4]}, cases=None)
    assert [setting.label for setting in found.settings] == ["base", "hidden=3", "hidden=4"]


def test_common_changes_reach_every_setting(tmp_path: Path) -> None:
    found = study(tmp_path, set={"model.panel": 50, "data.block": 200})
    assert {setting.config["model"]["panel"] for setting in found.settings} == {50}
    assert {setting.config["data"]["block"] for setting in found.settings} == {200}


def test_a_case_may_start_from_another_config(tmp_path: Path) -> None:
    found = study(tmp_path, set={"data.block": 200}, cases={"other": {"config": "quick.yaml", "model.hidden": 7}})
    config = found.settings[-1].config
    assert config["model"]["schedule"][0]["steps"] == 30_000
    assert (config["model"]["hidden"], config["data"]["block"]) == (7, 200)


def test_numbers_may_be_written_as_in_a_config(tmp_path: Path) -> None:
    file = study(tmp_path).file
    file.write_text("config: small.yaml\nvary: {model.schedule.0.lr: [1e-3, 2.0e-3, 3e-03]}\n")
    assert [s.changes.get("model.schedule.0.lr") for s in study_file.read(file).settings] == [None, 1e-3, 2e-3, 3e-3]


def test_pictures_are_drawn_only_when_asked_for(tmp_path: Path) -> None:
    assert study(tmp_path).base.config["trainer"]["pictures"] == "never"
    assert study(tmp_path, set={"trainer.pictures": "stages"}).base.config["trainer"]["pictures"] == "stages"


def test_the_folder_of_a_trial_follows_from_its_config_alone(tmp_path: Path) -> None:
    before, after = study(tmp_path), study(tmp_path, vary={"model.hidden": [6, 8]}, seeds=5)
    assert Trial(before.settings[-1], 3).key == Trial(after.settings[-1], 3).key
    keys_ = {one.key for one in after.trials(after.settings, after.seeds)}
    assert len(keys_) == 3 * 5
    assert all("/" not in key for key in keys_)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": {"hidden": 3}}, "unknown section 'model'"),
    ({"config": None}, "config: name the config that the runs start from, such as config: quick.yaml"),
    ({"config": "nowhere.yaml"}, "no such file"),
    ({"vary": {"model.hidden": 4}}, r"vary\.model\.hidden: give a list of values, such as \[1, 2\]"),
    ({"vary": {"seed_everything": [1, 2]}}, "a study sets this itself; use `seeds` for seeds"),
    ({"vary": {"data.seed": [1, 2]}}, "a study sets this itself; use `seeds` for seeds"),
    ({"vary": {"model.schedule.9.lr": [1.0]}}, "'9' is no position in a list of 2"),
    ({"vary": {"model.hidden.deep": [1]}}, "nothing can be set inside 6"),
    ({"cases": {"none": {}}}, "cases.none: give a table of config keys and values"),
    ({"cases": {"lr=0.01, hidden=4": {"model.hidden": 9}}}, "two settings have the label"),
    ({"seeds": []}, "seeds: give a list"),
    ({"seeds": [1, 1]}, "a seed is given twice"),
    ({"seeds": [-1]}, "0 or more"),
    ({"metric": "test/acc"}, "metric must be one of"),
    ({"final": {"seeds": [3, 4]}}, "final.seeds: \\[3\\] are among `seeds`; give fresh ones"),
    ({"final": {"trials": 3}}, "unknown key of final 'trials'"),
    ({"draw": 3}, "draw: give a table with method, count and from"),
    ({"draw": {"count": 1}}, "draw.from: name the keys to draw and their distributions"),
    ({"draw": {"count": 1, "from": {"a": 3}}}, "draw.from.a: give one distribution, such as {loguniform"),
    ({"draw": {"count": 1, "from": {"a": {"choice": 3}}}}, "draw.from.a.choice: give a list, such as {loguniform"),
    ({"set": [1]}, r"set: must be a table, not \[1\]"),
    ({"draw": {"count": 0, "from": {"model.hidden": {"choice": [1]}}}}, "draw.count must be"),
    ({"draw": {"count": 1, "method": "guess", "from": {"a": {"choice": [1]}}}}, "draw.method must be one of"),
    ({"draw": {"count": 1, "from": {"model.hidden": {"normal": [0, 1]}}}}, "must be one of uniform"),
    ({"draw": {"count": 1, "from": {"a": {"uniform": [2, 1]}}}}, "give two numbers, the smaller one first, not "),
    ({"draw": {"count": 1, "from": {"a": {"loguniform": [0, 1]}}}}, r"the numbers must be above 0, not \[0, 1\]"),
    ({"draw": {"count": 1, "from": {"a": {"uniform": [0, float("inf")]}}}}, "draw.from.a.uniform: give two numbers, "),
    ({"draw": {"count": 1, "from": {"a": {"randint": [0.5, 3]}}}}, "draw.from.a.randint: give two whole numbers, "),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "message"), WRONG, ids=[message for _, message in WRONG])
def test_mistakes_are_refused_with_their_place(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        study(tmp_path, **changed)
    assert str(refused.value).startswith(str(tmp_path / "study.yaml"))


def test_every_study_that_comes_with_the_package_is_read() -> None:
    files = sorted((Path(__file__).parents[2] / "configs/studies").glob("*.yaml"))
    assert files
    for file in files:
        found = study_file.read(file)
        assert len(found.settings) > 1 or found.draw is not None
        assert found.title != file.stem, f"{file} does not say what it asks"


def test_short_names_tell_keys_apart() -> None:
    names = keys.short_names(["model.schedule.0.lr", "model.schedule.1.lr", "model.hidden"])
    assert names == {
        "model.schedule.0.lr": "schedule.0.lr",
        "model.schedule.1.lr": "schedule.1.lr",
        "model.hidden": "hidden",
    }


def test_changing_a_copy_leaves_the_config() -> None:
    config: dict[str, Any] = {"data": {"moments": None}, "model": {"schedule": [{"lr": 1.0}]}}
    found = keys.changed(config, {"data.moments.spread": 5.0, "model.schedule.0.lr": 2.0})
    assert found == {"data": {"moments": {"spread": 5.0}}, "model": {"schedule": [{"lr": 2.0}]}}
    assert config == {"data": {"moments": None}, "model": {"schedule": [{"lr": 1.0}]}}


def test_the_sections_of_the_docs_are_those_of_the_reader() -> None:
    text = (Path(__file__).parents[2] / "docs/studies.md").read_text(encoding="utf-8")
    for section in (*study_file._SECTIONS, *study_file._DRAW_KEYS, *STUDY):
        assert f"`{section}`" in text, section
