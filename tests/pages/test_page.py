"""The parts of a page."""

from letters_torch.pages import page


def test_a_paragraph_is_plain_text_with_code_between_backticks() -> None:
    assert page.paragraph("a < b, `report --row <N>`", "quiet") == (
        '<p class="quiet">a &lt; b, <code>report --row &lt;N&gt;</code></p>'
    )
    assert page.paragraph("nothing `open") == "<p>nothing `open</p>"


def test_only_a_long_cell_may_take_several_lines() -> None:
    text = page.table("t", ("setting", "value"), [("short", "1"), ("s" * 31, "<" * 30)])
    assert '<th scope="row">short</th><td>1</td>' in text
    assert f'<th scope="row" class="long">{"s" * 31}</th><td>{"&lt;" * 30}</td>' in text
