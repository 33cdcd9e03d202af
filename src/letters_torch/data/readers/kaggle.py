"""Reads the competition's `letters_data.mat`."""

from pathlib import Path

from letters_torch.data.readers import matfile
from letters_torch.data.readers.arrays import as_images, as_labels
from letters_torch.letters import Letters, LetterSets


def read(path: Path, transposed: bool = False) -> LetterSets:
    """The letters of a file with the competition's schema.

    The file holds train_x (N x 784, pixels 0..255), train_y (N x 1, labels 1..26) and test_x (M x 784); where it also
    holds test_y (M x 1), the test set is labelled. Any numeric dtype will do as long as the numbers are whole.

    Args:
        path: a MATLAB v5 file.
        transposed: its pictures lie column by column, as EMNIST's do; they are turned upright.

    Raises:
        UserError: the file cannot be opened or is damaged, an array is missing or has another shape, a number is no
            pixel or no label. The message names the file and the array.
    """
    arrays = matfile.load(path, ("train_x", "train_y", "test_x"), ("test_y",))
    sets = {}
    for name in ("train", "test"):
        images = as_images(arrays.pop(f"{name}_x"), f"{path}: {name}_x", transposed)
        labels = arrays.get(f"{name}_y")
        if labels is not None:
            labels = as_labels(labels, len(images), f"{path}: {name}_y")
        sets[name] = Letters(images, labels)
    return LetterSets(sets["train"], sets["test"], f"{path} (the competition's schema)", source="kaggle")
