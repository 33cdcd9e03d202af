"""letters_torch: a from-scratch network that reads handwritten letters, trained by exact single-sample SGD."""

from letters_torch import _threads

__version__ = "0.1.0"

# Both before anything else imports torch, torchvision or, through torchmetrics, Lightning.
_threads.wait_politely()

from letters_torch import _torchvision_guard  # noqa: E402

_torchvision_guard.install()
