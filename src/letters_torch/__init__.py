"""letters_torch: a from-scratch network that reads handwritten letters, trained by exact single-sample SGD."""

from letters_torch import _torchvision_guard

__version__ = "0.1.0"

# Before anything else imports torchvision or, through torchmetrics, Lightning.
_torchvision_guard.install()
