"""Confidence intervals of an accuracy."""

from statistics import NormalDist

CONFIDENCE = 0.95


def wilson(correct: int, rows: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval (low, high), in 0..1, for the proportion `correct` / `rows`.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = correct / rows, z * z / rows
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * (share * (1 - share) / rows + weight / (4 * rows)) ** 0.5
    return middle - half, middle + half
