"""Lightning's side: the module, the trainer, the run folder, and what is kept and shown of a run."""

from letters_torch import _torchvision_guard

_torchvision_guard.install()  # before Lightning imports torchvision (through torchmetrics)
