"""Draws: random ones follow from the seed; Optuna is told the mean over the seeds, and again after a restart."""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
import pytest
from ray.tune.search import Searcher

from letters_torch.cli import others
from letters_torch.study import cluster, outcome, search, summary
from letters_torch.study.results import Results, Row
from letters_torch.study.study_file import Study, Trial
from tests.study.small import InProcess, study
from tests.support.pages import Page

pytestmark = pytest.mark.filterwarnings(
    "ignore::optuna.exceptions.ExperimentalWarning",
    "ignore::FutureWarning:optuna",
    "ignore:.*configure_optimizers.*:UserWarning",
    r"ignore:\s*(By default only one Jsonargparse|.+ was deprecated in v4):DeprecationWarning",
)
SPACE = {"model.schedule.0.lr": {"loguniform": [1e-3, 1e-1]}, "model.hidden": {"randint": [3, 9]}}


def drawing(folder: Path, method: str, count: int) -> Study:
    draw = {"method": method, "count": count, "seed": 5, "from": {**SPACE, "data.sampling": {"choice": ["rounds"]}}}
    return study(folder, vary=None, cases=None, draw=draw)


def end(folder: Path, one: Trial) -> dict[str, Any]:
    """Writes the result of a trial: the accuracy is its learning rate, on one seed a little more."""
    accuracy = one.setting.changes["model.schedule.0.lr"] + 0.01 * (one.seed == 3)
    run_folder = outcome.folder_of(folder, one)
    run_folder.mkdir(parents=True)
    result = outcome.Result(outcome.FINISHED, 200, {"val/acc": [(200, accuracy)]})
    (run_folder / outcome.RESULT).write_text(json.dumps(asdict(result)))
    return {"value": accuracy}


def test_draws_that_end_alike_have_no_rank_correlation(tmp_path: Path) -> None:
    found = drawing(tmp_path, "random", 4)
    assert found.draw is not None
    settings = (found.base, *map(found.drawn, search.random_points(found.draw)))
    result = outcome.Result(outcome.FINISHED, 200, {"val/acc": [(200, 0.5)]})
    rows = tuple(Row(one, result) for one in found.trials(settings, found.seeds))
    table = summary._correlations(Results(found, settings, rows))
    assert table.rows == [(key, "-", "-") for key in found.draw.space]
    assert table.notes[0].endswith("4 draws.")


def told_to(searcher: search.SeededSearch) -> list[Any]:
    """The trials that Optuna knows."""
    optuna: Any = searcher._optuna
    trials: list[Any] = optuna._ot_study.trials
    return trials


def test_random_points_follow_from_the_seed(tmp_path: Path) -> None:
    few, more = (drawing(tmp_path, "random", count).draw for count in (4, 6))
    assert few is not None
    assert more is not None
    points = search.random_points(more)
    assert search.random_points(few) == points[:4]
    for point in points:
        assert 1e-3 <= point["model.schedule.0.lr"] <= 1e-1
        assert point["model.hidden"] in range(3, 9)
        assert type(point["model.hidden"]) is int
        assert point["data.sampling"] == "rounds"
    assert len({point["model.schedule.0.lr"] for point in points}) == 6


def test_each_point_runs_with_each_seed_and_optuna_is_told_the_mean(tmp_path: Path) -> None:
    found = drawing(tmp_path, "optuna", 3)
    searcher = search.SeededSearch(found, tmp_path)
    searcher.lag = 2
    assert searcher.left() == 6
    trials = [searcher.suggest(str(number))["trial"] for number in range(6)]
    assert searcher.suggest("6") == Searcher.FINISHED
    assert [one.seed for one in trials] == [0, 3] * 3
    assert [one.setting for one in trials[::2]] == [one.setting for one in trials[1::2]]
    for number in (1, 0, 2, 3, 5, 4):  # as they end
        searcher.on_trial_complete(str(number), end(tmp_path, trials[number]))
    searcher.lag = 0
    assert searcher._tell()
    told = [ended.value for ended in told_to(searcher)]
    rates = [one.setting.changes["model.schedule.0.lr"] for one in trials[::2]]
    assert told == pytest.approx([rate + 0.005 for rate in rates])


def points(folder: Path, ends: int) -> list[search.Point]:
    """The points of a search with four trials at a time, of which the one at place `ends` always ends first."""
    folder.mkdir()
    searcher = search.SeededSearch(drawing(folder, "optuna", 14), folder)
    searcher.lag = 2
    running: dict[str, Trial] = {}
    for number in range(1000):
        suggested = searcher.suggest(str(number)) if len(running) < 4 else None
        if suggested == Searcher.FINISHED:
            break
        if suggested is not None:
            running[str(number)] = suggested["trial"]
        else:
            ended = list(running)[min(ends, len(running) - 1)]
            searcher.on_trial_complete(ended, end(folder, running.pop(ended)))
    assert len(told_to(searcher)) >= 14 - 2
    return searcher.drawn.points


def test_the_points_follow_from_the_seed_whichever_run_ends_first(tmp_path: Path) -> None:
    """Optuna draws the first ten at random, the others from the means of earlier ones."""
    first, second = points(tmp_path / "oldest", 0), points(tmp_path / "newest", 3)
    assert len(first) == 14
    assert first == second


def test_a_search_that_is_started_again_keeps_its_points(tmp_path: Path) -> None:
    found = drawing(tmp_path, "optuna", 4)
    first = search.SeededSearch(found, tmp_path)
    trials = [first.suggest(str(number))["trial"] for number in range(4)]
    for number in range(3):  # the first point is whole, the second lacks a seed
        first.on_trial_complete(str(number), end(tmp_path, trials[number]))
    again = search.SeededSearch(found, tmp_path)
    assert again.left() == 1 + 2 * 2
    told = [ended.value for ended in told_to(again)]
    assert told == pytest.approx([trials[0].setting.changes["model.schedule.0.lr"] + 0.005])
    assert again.suggest("a")["trial"].key == trials[3].key
    again.on_trial_complete("a", end(tmp_path, trials[3]))
    assert len(told_to(again)) == 2
    fresh = again.suggest("b")["trial"]
    assert fresh.setting.label not in {one.setting.label for one in trials}
    assert len(search.SeededSearch(found, tmp_path).drawn.points) == 3


def test_points_that_an_edited_study_cannot_draw_are_kept_and_not_used(tmp_path: Path) -> None:
    def points(count: int, **space: dict[str, Any]) -> list[search.Point]:
        draw = {"method": "optuna", "count": count, "from": {f"model.{key}": each for key, each in space.items()}}
        searcher = search.SeededSearch(study(tmp_path, vary=None, cases=None, draw=draw, seeds=[0]), tmp_path)
        for number in range(searcher.left()):
            one = searcher.suggest(str(number))["trial"]
            run_folder = outcome.folder_of(tmp_path, one)
            run_folder.mkdir(parents=True, exist_ok=True)
            result = outcome.Result(outcome.FINISHED, 200, {"val/acc": [(200, 0.5)]})
            (run_folder / outcome.RESULT).write_text(json.dumps(asdict(result)))
            searcher.on_trial_complete(str(number), {"value": 0.5})
        return searcher.drawn.points

    widths, narrow = {"randint": [3, 9]}, {"randint": [3, 5]}
    first = points(8, hidden=widths)
    assert all(point["model.hidden"] < 5 for point in points(8, hidden=narrow))
    assert all(point.keys() == {"model.initial_scale"} for point in points(2, initial_scale={"uniform": [0.1, 1]}))
    assert [point for point in points(8, hidden=widths) if point["model.hidden"] > 4] == [
        point for point in first if point["model.hidden"] > 4
    ]


def test_a_point_that_diverges_is_an_error_to_optuna(tmp_path: Path) -> None:
    searcher = search.SeededSearch(drawing(tmp_path, "optuna", 1), tmp_path)
    for number in range(2):
        searcher.suggest(str(number))
    searcher.on_trial_complete("0", {"value": 0.5})
    searcher.on_trial_complete("1", {"value": None})
    searcher.lag = 0
    assert searcher._tell()
    [ended] = told_to(searcher)
    assert ended.state.name == "FAIL"


@pytest.mark.parametrize("method", ["random", "optuna"])
def test_the_command_compares_drawn_settings_and_runs_none_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(cluster, "Runner", InProcess)
    args = [str(drawing(tmp_path, method, 3).file), "--folder", str(tmp_path / "out")]
    others.study(args)
    contents = {name: (tmp_path / "out" / name).read_bytes() for name in ("results.csv", "best.yaml", "study.html")}
    rows = list(csv.DictReader(io.StringIO(contents["results.csv"].decode())))
    assert [row["setting"] for row in rows[:2]] == ["base", "base"]
    assert len({row["setting"] for row in rows}) == 4
    assert [(row["status"], row["seed"]) for row in rows] == [("finished", "0"), ("finished", "3")] * 4
    assert "rank correlation" in Page(contents["study.html"].decode()).text
    optuna.logging.set_verbosity(optuna.logging.INFO)
    monkeypatch.setattr(InProcess, "run", None)
    monkeypatch.setattr(InProcess, "search", None)
    others.study(args)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in contents} == contents
    assert method == "random" or optuna.logging.get_verbosity() == optuna.logging.WARNING


@pytest.mark.parametrize("method", ["random", "optuna"])
def test_a_setting_that_is_drawn_again_is_compared_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(cluster, "Runner", InProcess)
    draw = {"method": method, "count": 5, "from": {"model.hidden": {"choice": [4, 6]}}}  # the base has 6
    found = study(tmp_path, vary=None, cases=None, draw=draw, seeds=[0], final={"seeds": [1]})
    others.study([str(found.file), "--folder", str(tmp_path / "out")])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/results.csv").read_text())))
    trials = [(row["part"], row["setting"]) for row in rows]
    assert trials[:2] == [("study", "base"), ("study", "hidden=4")]
    assert len(set(trials)) == len(trials)
