"""Letters of which whole styles are kept from the training: a stand-in for writers whom it has not seen.

A validation row's writer wrote training rows too, and a file without a column of writers cannot say which. So each
letter's rows are put into clusters of like pictures (k-means), and some clusters are held out whole. What is left of
validation by the letters one has learned by heart is then gone. It is a harder test than a new writer, whose hand is
like somebody's.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from letters_torch.data.datamodule import Batches, LettersDataModule
from letters_torch.letters import Letters

PART = 0.1  # of each letter's rows
CLUSTER = 25  # rows of a cluster, about
FEATURES = 40


class UnlikeLetters(LettersDataModule):
    """A data module without some styles; arguments as those of `LettersDataModule`.

    Attributes:
        unlike: the rows of those styles, which are neither in `train` nor in `val`.
    """

    def _split(self, labelled: Letters) -> tuple[Letters, Letters]:
        held = held_out(labelled, self.seed)
        self.unlike = labelled[np.flatnonzero(held)]
        return super()._split(labelled[np.flatnonzero(~held)])

    def unlike_dataloader(self) -> Batches:
        """The rows of the styles that are held out."""
        return self._batches(self.unlike, self.standardizer)


def held_out(letters: Letters, seed: int) -> npt.NDArray[np.bool_]:
    """The rows of the styles that the seed chooses, about PART of each letter's; (N,)."""
    assert letters.labels is not None
    features, rng = _features(letters), np.random.default_rng(seed)
    held = np.zeros(len(letters), bool)
    for label in np.unique(letters.labels):
        rows = np.flatnonzero(letters.labels == label)
        style = _clusters(features[rows], seed)
        for chosen in rng.permutation(np.unique(style)):
            if held[rows].sum() >= PART * len(rows):
                break
            held[rows[style == chosen]] = True
    return held


def _features(letters: Letters) -> npt.NDArray[np.float32]:
    """Blurred, so that strokes of like shape are near each other wherever exactly their edges lie; (N, FEATURES)."""
    from sklearn.decomposition import PCA

    blurred = ndimage.gaussian_filter(letters.images.astype(np.float32), (0, 1, 1)).reshape(len(letters), -1)
    found: npt.NDArray[np.float32] = PCA(min(FEATURES, len(letters)), random_state=0).fit_transform(blurred)
    return found


def _clusters(features: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.int64]:
    """The number of each row's cluster, (N,)."""
    from sklearn.cluster import MiniBatchKMeans

    count = min(max(2, len(features) // CLUSTER), len(features))
    found = MiniBatchKMeans(count, random_state=seed, n_init=1, batch_size=2048).fit_predict(features)
    return found.astype(np.int64)
