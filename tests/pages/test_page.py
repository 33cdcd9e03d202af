"""The parts of a page."""

from letters_torch.pages import page


def test_a_paragraph_is_plain_text_with_code_between_backticks() -> None:
    assert page.paragraph("a < b, `report --row <N>`", "quiet") == (
        '<p class="quiet">a &lt; b, <code>report --row &lt;N&gt;</code></p>'
    )
    assert page.paragraph("nothing `open") == "<p>nothing `open</p>"
