"""Figures of a study."""

from matplotlib.colors import to_hex

from letters_torch.drawing import studies


def test_the_colour_of_a_difference_is_that_of_its_verdict() -> None:
    """An interval without 0 does not settle a difference: its p is adjusted for the number of comparisons."""
    rows = {verdict: (-0.1, -0.2, -0.05, verdict) for verdict in ("better", "worse", "open")}
    [axes] = studies.forest(rows, "val/loss against base").axes
    colours = [to_hex(line.get_color()) for line in axes.lines[::2]]
    assert colours[:3] == [to_hex(colour) for colour in studies.VERDICTS.values()]
    assert len(set(colours[:3])) == 3


def test_a_long_name_takes_several_lines() -> None:
    name = "label smoothing of a tenth, with the decayed learning rate of the recipes"
    wrapped = "label smoothing of a tenth, with\nthe decayed learning rate of the\nrecipes"
    [axes] = studies.forest({name: (0.1, 0.0, 0.2, "open")}, "val/acc").axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [wrapped]
    bands = studies.bands({name: [[(0, 0.1), (10, 0.2)]]}, "val/acc")
    assert [text.get_text() for text in bands.legends[0].texts] == [wrapped]
    costs = studies.costs({"base": (1.0, 0.5, 0.1), name: (1.0, 0.5, 0.1)}, "val/acc")
    assert all(
        len(line) <= studies.CHARACTERS for text in costs.legends[0].texts for line in text.get_text().split("\n")
    )
