"""The page in a real browser: draws, reads, teaches, trains, explains; on a phone and a wide screen, light and dark."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from letters_torch.data import standardize
from letters_torch.data.moments import Moments
from letters_torch.data.readers import pictures
from letters_torch.exact_sgd import formulas
from letters_torch.exact_sgd.network import initial_weights
from letters_torch.letters import ALPHABET
from letters_torch.pages.draw import document as draw
from letters_torch.synthetic.make import make
from tests.support.browser import AUDIT, Visit, browser, needs_chromium

pytestmark = needs_chromium
LAM = 5e-5


@pytest.fixture(scope="module")
def contents() -> draw.Contents:
    """An untrained network and built-in letters."""
    letters, moments = make(60, test=True), Moments()
    V, W = (w.half().double().numpy() for w in initial_weights(784, 400, 26, seed=4))
    standardizer = standardize.fit(moments(letters.images), "global", moments)
    training = draw.Training(lr=0.01, lam=LAM, initial_scale=0.5)
    return draw.Contents(V, W, standardizer, letters, np.arange(60), 0, training, origin="a test")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(contents: draw.Contents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "draw.html"
    path.write_text(draw.document(contents), encoding="utf-8")
    return path


@pytest.fixture
def visit(chromium: Any, file: Path) -> Iterator[Visit]:
    opened = Visit(chromium, file)
    yield opened
    assert opened.errors == []
    assert opened.requests == [file.as_uri()]  # nothing but the page itself
    opened.close()


def probabilities(contents: draw.Contents, letter: np.ndarray) -> np.ndarray:
    x = contents.standardizer(torch.from_numpy(letter[None])).double().numpy().ravel()
    return formulas.forward(contents.V, contents.W, x).g


def stroke(visit: Visit, *points: tuple[float, float]) -> None:
    """With the mouse, in parts of the paper's side."""
    box = visit.page.locator("#paper").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    visit.page.mouse.move(*places[0])
    visit.page.mouse.down()
    for place in places[1:]:
        visit.page.mouse.move(*place, steps=8)
    visit.page.mouse.up()
    visit.settle()


def test_it_opens_with_a_letter_read(visit: Visit, contents: draw.Contents) -> None:
    g = probabilities(contents, contents.letters.images[0])
    assert visit.text("#letter") == ALPHABET[g.argmax()]
    assert visit.text("#confidence") == f"{g.max():.1%}"
    shares = [visit.text(f".bar:nth-child({i + 1}) .share") for i in range(26)]
    assert shares == [f"{share:.1%}" for share in g]
    visit.wait("document.getElementById('live').textContent.startsWith('Read as')")


@pytest.mark.parametrize("width", [360, 1024, 1920])
def test_it_opens_at_the_part_that_is_named(chromium: Any, contents: draw.Contents, tmp_path: Path, width: int) -> None:
    """The heading is at the top of the screen, and Tab goes on from there, not from the top of the page."""
    path = tmp_path / "explain.html"
    path.write_text(draw.document(replace(contents, opens="hand")), encoding="utf-8")
    visit = Visit(chromium, path, width)
    top = "document.getElementById('hand-title').getBoundingClientRect().top"
    visit.wait(f"Math.abs({top} - 60) < 60 && document.activeElement.id === 'hand'")
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate(f"Math.abs({top} - 60) < 60")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.getElementById('hand').contains(document.activeElement)")
    assert visit.errors == []
    visit.close()


def test_pixels_are_read_as_by_the_formulas(visit: Visit, contents: draw.Contents) -> None:
    for letter in contents.letters.images[:20]:
        found = visit.page.evaluate("(pixels) => letters.readPixels(Uint8Array.from(pixels))", letter.ravel().tolist())
        np.testing.assert_allclose(found, probabilities(contents, letter), atol=2e-3)


def test_drawing_undoing_and_clearing(visit: Visit) -> None:
    visit.page.click("#clear")
    visit.wait("!document.getElementById('nothing').hidden")
    assert visit.page.evaluate("letters.readCanvas()") is None
    stroke(visit, (0.3, 0.15), (0.3, 0.8), (0.7, 0.8))
    assert visit.text("#row") == "Your own letter"
    one = visit.page.evaluate("letters.readCanvas()")
    assert sum(one) == pytest.approx(1)
    stroke(visit, (0.3, 0.5), (0.6, 0.5))
    assert visit.page.evaluate("letters.readCanvas()") != one
    visit.page.click("#undo")
    visit.settle()
    assert visit.page.evaluate("letters.readCanvas()") == one
    visit.page.click("#undo")
    visit.wait("!document.getElementById('nothing').hidden")


def test_a_stroke_makes_the_same_picture_at_any_pixel_ratio(chromium: Any, file: Path) -> None:
    """Width of the window and devicePixelRatio change what is shown, not what is read."""
    found = []
    for width, ratio in ((1280, 1), (360, 3)):
        context = chromium.new_context(viewport={"width": width, "height": 900}, device_scale_factor=ratio)
        page = context.new_page()
        page.goto(file.as_uri())
        page.focus("#paper")
        for key in ("Delete", "Space", *["ArrowDown"] * 12, *["ArrowRight"] * 9, "Space"):
            page.keyboard.press(key)
        found.append(page.evaluate("letters.readCanvas()"))
        assert page.evaluate("document.getElementById('paper').width >= 0.9 * devicePixelRatio * 260")
        context.close()
    assert found[0] == found[1]
    assert found[0] is not None


def test_a_stroke_replaces_the_example_and_undo_brings_it_back(visit: Visit) -> None:
    assert visit.text("#row").startswith("Validation row 0")
    stroke(visit, (0.2, 0.2), (0.8, 0.8))
    assert visit.text("#row") == "Your own letter"
    assert visit.page.locator("#labels input:checked").count() == 0
    visit.page.click("#undo")
    visit.wait("document.getElementById('row').textContent.startsWith('Validation row 0')")


def png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


DROP = """(text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), data = new DataTransfer();
  data.items.add(new File([bytes], "letter.png", { type: "image/png" }));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


def test_a_dropped_picture_is_read_as_predict_reads_it(visit: Visit, contents: draw.Contents, tmp_path: Path) -> None:
    image = Image.new("RGB", (600, 420), "#f4ecd8")
    ImageDraw.Draw(image).line([(200, 80), (180, 320), (360, 330)], fill="#223388", width=22)
    image.save(tmp_path / "letter.png")
    letters = pictures.read([tmp_path / "letter.png"]).letters
    g = probabilities(contents, letters.images[0])
    visit.page.evaluate(DROP, png(image))
    visit.wait("document.getElementById('row').textContent === 'Your own letter'")
    visit.settle()
    assert visit.text("#letter") == ALPHABET[g.argmax()]
    assert visit.text("#confidence") == f"{g.max():.1%}"


def test_what_is_no_picture_is_said(visit: Visit) -> None:
    visit.page.evaluate(DROP, base64.b64encode(b"not a picture").decode())
    visit.wait("document.getElementById('file-note').textContent.includes('not a picture')")
    visit.page.evaluate(DROP, png(Image.new("L", (60, 60), 255)))
    visit.wait("document.getElementById('file-note').textContent.includes('nothing can be seen')")


def test_units_and_letters_answer_to_clicks_and_keys(visit: Visit, contents: draw.Contents) -> None:
    visit.page.click("#units button:nth-child(38)")
    visit.settle()
    assert visit.text("#unit-title") == "Hidden unit 37"
    visit.page.keyboard.press("ArrowDown")
    visit.settle()
    assert visit.text("#unit-title") == "Hidden unit 57"
    g = probabilities(contents, contents.letters.images[0])
    best, second = np.argsort(-g)[:2]
    visit.page.click(f".bar:nth-child({second + 1})")
    visit.settle()
    assert visit.text("#why-title") == f"Why {ALPHABET[best]} and not {ALPHABET[second]}?"
    assert visit.page.locator("#why-not .tile").count() == 12


def test_a_step_is_the_formulas_step(visit: Visit, contents: draw.Contents) -> None:
    x = contents.standardizer(torch.from_numpy(contents.letters.images[:1])).double().numpy().ravel()
    y = np.eye(26)[3]
    V, W = formulas.step(contents.V, contents.W, x, y, 0.02, LAM)
    before = formulas.loss(formulas.forward(contents.V, contents.W, x).b, y)
    after = formulas.loss(formulas.forward(V, W, x).b, y)
    found = visit.page.evaluate("letters.step('D', 0.02)")
    assert found == {"before": pytest.approx(before, abs=2e-3), "after": pytest.approx(after, abs=2e-3)}
    again = visit.page.evaluate("letters.step(3, 0.02)")
    assert again["before"] == found["after"]
    visit.page.evaluate("letters.reset()")
    assert visit.page.evaluate("letters.step('D', 0.02)") == found


@pytest.mark.parametrize("label", ["'AB'", "''", "'é'", "26", "-1", "0.5", "null"])
def test_what_is_no_letter_is_refused(visit: Visit, label: str) -> None:
    refusal = f"(() => {{ try {{ letters.step({label}, 0.1); }} catch (error) {{ return error.message; }} }})()"
    assert visit.page.evaluate(refusal) == f"no such letter: {label.strip(chr(39))}"


def test_teaching(visit: Visit) -> None:
    visit.page.check("#labels input[value=K]", force=True)
    visit.page.click("#step")
    visit.wait("document.getElementById('forgotten').textContent.includes('newly wrong')")
    before, after = (float(part) for part in visit.text("#loss-change").split(" → "))
    assert after < before
    assert "of 60 validation letters read right" in visit.text("#forgotten")
    assert visit.page.locator("#change-V figure").count() == 12
    taught = visit.text("#confidence")
    visit.page.click("#unstep")
    visit.settle()
    assert visit.text("#confidence") != taught
    assert visit.page.is_disabled("#unstep")


def test_training_is_seen_and_can_be_stopped(visit: Visit) -> None:
    visit.page.click("#play")
    visit.wait("Number(document.getElementById('steps').textContent.replace(',', '')) >= 50")
    visit.wait("document.getElementById('curves').getAttribute('aria-label').includes('after 50 steps')")
    visit.page.click("#play")
    visit.settle()
    steps = visit.text("#steps")
    visit.page.wait_for_timeout(200)
    assert visit.text("#steps") == steps
    assert visit.text("#play") == "Train"
    visit.page.click("#fresh")
    visit.wait("document.getElementById('curves').getAttribute('aria-label').includes('after 0 steps')")
    visit.page.click("#one-step")
    visit.wait("document.getElementById('steps').textContent === '1'")
    visit.page.click("#trained")
    visit.settle()
    assert visit.page.is_disabled("#unstep")


def test_training_that_is_stopped_and_begun_again_at_once_keeps_its_speed(visit: Visit) -> None:
    """Also while the accuracy is counted, before the first step."""
    visit.page.select_option("#speed", "slow")
    frames = visit.page.evaluate(
        """() => new Promise((resolve) => {
          for (let n = 0; n < 7; n++) document.getElementById("play").click();
          const done = () => Number(document.getElementById("steps").textContent);
          let frames = 0;
          const frame = () => (done() < 30 ? (frames++, requestAnimationFrame(frame)) : resolve(frames));
          frame();
        })"""
    )
    assert frames > 25  # one step a frame; two loops would need 15
    visit.page.click("#play")


def test_the_last_of_several_steps_is_counted(visit: Visit) -> None:
    visit.page.evaluate("for (let n = 0; n < 3; n++) document.getElementById('one-step').click()")
    visit.wait("document.getElementById('curves').getAttribute('aria-label').includes('after 3 steps')")


def test_two_letters_are_one_to_train_on_and_one_held_out(
    chromium: Any, contents: draw.Contents, tmp_path: Path
) -> None:
    (tmp_path / "two.html").write_text(draw.document(draw._first(contents, 2)), encoding="utf-8")
    visit = Visit(chromium, tmp_path / "two.html")
    visit.page.click("#one-step")
    visit.wait("document.getElementById('acc-val').textContent !== '–'")
    assert visit.text("#acc-val") in ("0.0%", "100.0%")
    visit.close()


def test_one_step_by_hand_follows_unit_pixel_letter_and_rate(visit: Visit, contents: draw.Contents) -> None:
    visit.page.fill("#hand-j", "12")
    visit.page.press("#hand-j", "Enter")
    visit.page.fill("#hand-k", "407")
    visit.page.press("#hand-k", "Enter")
    visit.page.select_option("#hand-t", label="M")
    visit.page.locator("#hand .lr").fill("-1")
    visit.wait("document.getElementById('worked-a').textContent.includes('j = 12, k = 407')")
    visit.wait("/− 0.1 · .*\\nW.M,j. ← .* − 0.1 · /.test(document.getElementById('worked-step').textContent)")
    x = contents.standardizer(torch.from_numpy(contents.letters.images[:1])).double().numpy().ravel()
    V, _ = formulas.step(contents.V, contents.W, x, np.eye(26)[12], 0.1, LAM)
    told = visit.text("#worked-step").replace("−", "-")
    assert f"= {V[12, 407]:.6g}".removesuffix("0") in told
    assert f"W[M,j] ← {contents.W[12, 12]:.6g}" in told
    slope = formulas.gradients(contents.V, contents.W, x, np.eye(26)[12], LAM)[0][12, 407]
    measured = float(visit.text("#worked-J2").replace("−", "-").rsplit("= ", 1)[1])
    assert measured == pytest.approx(slope, rel=1e-3)
    assert "pixel 407: line 14, column 15" in visit.text("#worked-x")


def test_the_lesson_has_five_prompts(visit: Visit) -> None:
    visit.page.click("#lesson-start")
    for prompt in range(1, 6):
        assert visit.text("#lesson-count") == f"Prompt {prompt} of 5"
        assert visit.page.locator("#lesson li:visible").count() == 1
        visit.page.click("#lesson-next")
    assert visit.page.is_visible("#lesson-start")
    visit.page.emulate_media(media="print")
    assert visit.page.locator("#lesson li:visible").count() == 5
    assert not visit.page.is_visible("nav")


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        *((360, "dark"), (1024, "light"), (1920, "dark")),
        *(pytest.param(*other, marks=pytest.mark.slow) for other in ((360, "light"), (1024, "dark"), (1920, "light"))),
    ],
)
def test_for_every_screen_and_everybody(chromium: Any, file: Path, tmp_path: Path, width: int, scheme: str) -> None:
    visit = Visit(chromium, file, width, scheme)
    visit.page.check("#labels input[value=K]", force=True)
    visit.page.click("#step")
    visit.page.click(".bar:nth-child(9)")
    visit.page.click("summary")
    visit.wait("document.getElementById('forgotten').textContent.includes('newly wrong')")
    assert visit.page.evaluate(AUDIT) == []
    visit.page.click("#lesson-start")
    assert visit.page.evaluate(AUDIT) == []
    visit.page.screenshot(path=tmp_path / f"{width}-{scheme}.png", full_page=True)
    visit.close()


def test_a_letter_cleared_before_its_step_by_hand_is_shown(visit: Visit) -> None:
    """The step by hand is shown after a delay, which may end when the letter is gone and the next frame is to come."""
    visit.page.evaluate(
        """async () => {
          const frames = [], real = window.requestAnimationFrame;
          document.getElementById("another").click();
          await new Promise((done) => real(() => real(done)));
          window.requestAnimationFrame = (callback) => frames.push(callback);
          document.getElementById("clear").click();
          frames.shift()(performance.now()); // the paper is empty and so is the state; the frame that shows it is held
          await new Promise((done) => setTimeout(done, 400));
          window.requestAnimationFrame = real;
          frames.forEach((callback) => real(callback));
        }"""
    )
    visit.wait("!document.getElementById('hand-empty').hidden")
