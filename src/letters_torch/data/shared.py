"""Letters that several data modules use one after another in one process."""

from letters_torch.data.moments import Moments, normalised
from letters_torch.letters import LetterSets, UInt8


class SharedLetters:
    """Letters that are read once, and brought to the same moments once.

    Args:
        sets: the letters. Their arrays may be read-only, as those in Ray's object store are.
    """

    def __init__(self, sets: LetterSets) -> None:
        self.sets = sets
        self._last: tuple[Moments, UInt8] | None = None

    def normalised(self, moments: Moments | None) -> UInt8:
        """All labelled images, (N, 28, 28), brought to the moments. The result for the last moments is kept."""
        if moments is None:
            return self.sets.train.images
        if self._last is None or self._last[0] != moments:
            images = self.sets.train.images.copy()  # torch warns of read-only arrays
            self._last = (moments, normalised(images, moments))
        return self._last[1]
