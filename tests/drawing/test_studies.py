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
