"""letters_torch: a from-scratch network that reads handwritten letters, trained by exact single-sample SGD."""

import signal
import sys

from letters_torch import _threads

__version__ = "0.1.0"

# Run as a program, there is nothing to save before the first step: Ctrl-C ends it at once, also in the seconds that the
# imports below take, and without a traceback.
if (
    sys.argv[:1]
    and sys.argv[0].endswith(("-m", "letters-torch"))
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Both before anything else imports torch, torchvision or, through torchmetrics, Lightning.
_threads.wait_politely()

from letters_torch import _torchvision_guard  # noqa: E402

_torchvision_guard.install()
