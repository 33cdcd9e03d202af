"""Studies: many runs that differ in settings and seeds, on one machine or a Ray cluster, and what they show."""

from letters_torch import _torchvision_guard

_torchvision_guard.install()  # before Lightning imports torchvision (through torchmetrics)
