"""Lightning's side: the module, the trainer, and what is kept and shown of a run."""

from letters_torch import _torchvision_guard  # noqa: F401
