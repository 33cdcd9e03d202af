"""From letters to blocks of samples: readers, standardisation, augmentation, the sample stream."""

from letters_torch import _torchvision_guard

_torchvision_guard.install()  # before a module of this package imports torchvision
