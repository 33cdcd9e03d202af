"""The benchmarks time what they say they time; that they are fast is for them to show, not for a test."""

import importlib.util
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from benchmarks import __main__ as command_line
from benchmarks import compare, idle, page, problem
from benchmarks.check import check
from benchmarks.contenders import KNOWN, available
from benchmarks.contenders.torch_eager import TorchEager
from benchmarks.environment import clean
from benchmarks.floor import Floor
from benchmarks.peers import faster
from benchmarks.problem import Problem, letters
from benchmarks.products import Products
from benchmarks.scaling import Scaling
from benchmarks.settings import UNIT
from benchmarks.table import Table, number, ratio
from benchmarks.timing import Seconds, Times, measure
from letters_torch.data.augment import RollAndRotate
from letters_torch.exact_sgd import PANEL
from letters_torch.exact_sgd.schedule import Stage
from tests.support import making


@pytest.fixture(scope="module")
def mat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file in the competition's schema."""
    return making.save_mat(tmp_path_factory.mktemp("letters") / "letters_data.mat", making.kaggle_arrays(200))


@pytest.fixture(scope="module")
def small(mat: Path) -> Problem:
    """Twenty hidden units, a weight decay that shows."""
    return Problem(letters(mat, validation=50), 20, Stage(1, lr=1e-3, weight_decay=0.05), pool=2 * UNIT)


@pytest.mark.parametrize(("module", "name", "library"), KNOWN)
def test_every_contender_takes_the_steps_of_the_formulas(small: Problem, module: str, name: str, library: str) -> None:
    pytest.importorskip(library)
    kind = getattr(importlib.import_module(f"benchmarks.contenders.{module}"), name)
    assert check(kind, small, UNIT) < 1e-3


def test_contenders_go_on_where_they_stopped(small: Problem) -> None:
    for kind in available()[0]:
        at_once, in_two = kind(small, augment=False), kind(small, augment=False)
        at_once.seconds(2 * UNIT)
        in_two.seconds(UNIT)
        in_two.seconds(UNIT)
        for one, other in zip(at_once.weights(), in_two.weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5, err_msg=kind.name)


class Forgetful(TorchEager):
    """Weight decay forgotten."""

    name: ClassVar[str] = "forgetful"

    def prepare(self) -> None:
        super().prepare()
        self.sgd.param_groups[0]["weight_decay"] = 0.0


def test_a_contender_without_weight_decay_is_found_out(small: Problem) -> None:
    with pytest.raises(ValueError, match="forgetful: after"):
        check(Forgetful, small, UNIT)


def test_the_augmenting_contenders_augment(small: Problem) -> None:
    for kind in (kind for kind in available()[0] if kind.augments):
        plain, augmented = kind(small, augment=False), kind(small)
        plain.seconds(UNIT)
        augmented.seconds(UNIT)
        assert not np.allclose(plain.weights()[0], augmented.weights()[0], atol=1e-3), kind.name


def test_the_notebooks_augmentation_is_ours_image_by_image(small: Problem) -> None:
    from benchmarks.contenders.notebook import changed

    images, u = small.x[:20].double().view(-1, 28, 28), np.random.default_rng(0).random((20, 5))
    expected = RollAndRotate().augment(images, u, 0.0)
    got = np.stack([changed(image, draw) for image, draw in zip(images.numpy(), u, strict=True)])
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-9)


def test_a_missing_library_leaves_its_contender_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import benchmarks.contenders

    find = importlib.util.find_spec
    monkeypatch.setattr(benchmarks.contenders, "find_spec", lambda name: None if name == "jax" else find(name))
    kinds, missing = available()
    assert "JaxScan" not in [kind.__name__ for kind in kinds]
    assert any(note.startswith("JaxScan is left out: jax is not installed") for note in missing)


def test_the_longest_stage_of_the_config_is_what_is_timed(mat: Path) -> None:
    whole = Problem.of(letters(mat, validation=50))
    assert (whole.hidden, whole.stage) == (400, Stage(242_000, 1e-3, 0.002))
    assert problem.augmentation().degrees == [-10.0, 10.0]


def test_ratios_are_taken_within_a_round() -> None:
    times = Times({"ours": [1.0, 2.0, 4.0], "peer": [10.0, 20.0, 48.0]})
    assert times.ratio("peer", "ours") == (10.0, 10.0, 12.0)
    assert times.of("ours") == (2.0, 1.0, 4.0)


def test_contenders_take_turns() -> None:
    calls: list[tuple[str, int]] = []

    def contender(name: str, seconds: float) -> Seconds:
        def run(steps: int) -> float:
            calls.append((name, steps))
            return seconds * steps

        return run

    times = measure({"a": contender("a", 0.01), "b": contender("b", 0.02)}, rounds=2, seconds=0.4, unit=10)
    assert calls[4:] == [("a", 40), ("b", 20), ("a", 40), ("b", 20)]
    assert times.of("a").median == pytest.approx(1e4)


def test_a_table_is_aligned_markdown() -> None:
    table = Table("key", "Title", ("name", "x"), [["a", "1.00"], ["long name", "22.0"]], ["A note."])
    assert str(table) == (
        "**Title**\n\n| name      |    x |\n| --------- | ---: |\n| a         | 1.00 |\n| long name | 22.0 |\n\nA note."
    )
    with pytest.raises(ValueError, match="shorter"):
        str(Table("key", "Title", ("a", "b", "c"), [["1", "2"]]))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (0.01234, "0.0123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (1234.5, "1,234")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.948, "0.95x"), (1.0, "1.0x"), (9.97, "10x"), (32.2, "32x"), (119.6, "120x"), (0.02, "0.020x")],
)
def test_ratios_have_two_digits(value: float, text: str) -> None:
    assert ratio(value) == text


def test_a_busy_machine_is_refused_and_an_idle_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "others", lambda: 0.5)
    with pytest.raises(SystemExit, match=r"other processes use 50% of the cores.*--busy"):
        idle.wait(limit=0)
    shares = iter([0.5, 0.02])
    monkeypatch.setattr(idle, "others", lambda: next(shares))
    assert idle.wait() == 0.02


def test_this_process_is_not_another() -> None:
    assert 0 <= idle.others(0.05) <= 1


def test_what_slows_openblas_is_unset() -> None:
    assert clean({"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "1", "PATH": "p"}) == {"PATH": "p"}


@pytest.mark.parametrize(("one", "all_of_them", "kept"), [(1.0, 2.0, 1), (2.0, 1.0, None)])
def test_a_peer_gets_the_threads_that_are_faster(
    small: Problem, one: float, all_of_them: float, kept: int | None
) -> None:
    class Peer(TorchEager):
        def timed(self, steps: int) -> float:
            return steps * (one if self.threads == 1 else all_of_them)

    assert faster(Peer, small).threads == kept


def test_ours_has_one_time_in_all_tables(small: Problem) -> None:
    parts = Scaling(small), Floor(small), Products(small)
    names = [name for part in parts for name in part.contenders]
    times = Times({name: [1.0 + index] for index, name in enumerate(dict.fromkeys(names))})
    tables = [table for part in parts for table in part.tables(times)]
    assert [table.key for table in tables] == ["widths", "panels", "threads", "floor", "products"]
    ours = number(times.of("ours").median)
    assert ["20", ours, "1.0x"] == list(tables[0].rows[0][:3])
    assert ["100", ours, "1.0x"] in [list(row) for row in tables[1].rows]
    assert any(row[1] == ours for row in tables[2].rows)
    assert any(row[3] == ours for row in tables[3].rows)
    assert tables[4].rows[-1][:2] == ["a step", ours]


@pytest.mark.slow
def test_two_trees_are_timed_in_turn(tmp_path: Path) -> None:
    here, mat = compare.HERE, making.save_mat(tmp_path / "letters_data.mat", making.kaggle_arrays(5000))
    taken = compare._steps(mat, (here, here), augmented=True, load=0, rounds=2, steps=1000)
    assert [len(of_tree) for of_tree in taken] == [2, 2]
    assert min(min(of_tree) for of_tree in taken) > 0


def test_a_config_of_the_other_tree_is_named_so(tmp_path: Path) -> None:
    assert compare._name("kaggle.yaml", tmp_path / "src") == "kaggle.yaml"
    there = tmp_path / "src/../configs/best.yaml"
    assert compare._name(str(there), tmp_path / "src") == f"{Path('configs/best.yaml')} of the other tree"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["compare"], "compare needs --data"),
        (["report", "--against", "."], "compare needs --data"),
        (["report", "--against", ".", "--data", "x.mat"], "--against . holds no letters_torch; give the src"),
    ],
)
def test_compare_says_what_it_needs_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, args: list[str], said: str
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(idle, "others", lambda *_: pytest.fail("measured"))
    with pytest.raises(SystemExit, match=said):
        command_line.main([*args, "--busy"])


def test_tables_go_between_their_own_markers(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n")
    for _ in range(2):
        page.update(file, [Table("a", "T", ("n",), [["\\1"]])], "a machine")
    assert file.read_text().startswith("before\n<!-- a: begin -->\n**T**")
    assert file.read_text().endswith("Measured on: a machine.\n<!-- a: end -->\nafter\n")
    assert "old" not in file.read_text()


def test_the_pages_have_a_place_for_every_table() -> None:
    docs = Path(__file__).parents[2] / "docs"
    page.require_places(docs / "benchmarks.md", (*command_line.KEYS[command_line.report], "compare"))
    page.require_places(docs / "estimator.md", command_line.KEYS[command_line.estimator])
    page.require_places(docs / "studies.md", command_line.KEYS[command_line.study])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.md", "--out missing.md: No such file or directory; name an existing page"),
        (".", "--out .: Is a directory"),
        ("bytes.md", "--out bytes.md: not UTF-8"),
        ("page.md", "--out page.md: no place for the table compare; add the lines <!-- compare: begin --> and"),
    ],
)
def test_a_wrong_page_is_said_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(idle, "others", lambda *_: pytest.fail("measured"))
    (tmp_path / "bytes.md").write_bytes(b"\xff\xfe")
    (tmp_path / "page.md").write_text("<!-- fit: begin -->\n<!-- fit: end -->\n")
    with pytest.raises(SystemExit) as ended:
        command_line.main(["compare", "--busy", "--data", "x.mat", "--against", "src", "--out", name])
    assert str(ended.value).startswith(said)


def test_phases_do_not_count_what_is_inside_them() -> None:
    from benchmarks.phases import Phases

    phases = Phases()
    with phases.phase("outer"):
        for _ in range(2):
            with phases.phase("inner"):
                sum(range(100_000))
    assert phases.seconds["outer"] < phases.seconds["inner"]


def test_the_products_measured_are_those_of_a_panel(small: Problem) -> None:
    products = Products(small)
    for name in products.flops:
        products._multiply(name, PANEL)
    x, gram = products.samples[:PANEL], products.samples[:PANEL] @ products.samples[:PANEL].T
    np.testing.assert_allclose(products.A, x @ products.V[:, :-1].T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(products.U, products.D.T @ x, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(np.tril(products.G), np.tril(gram), rtol=1e-4, atol=1e-3)
