"""letters_torch: a from-scratch network that reads handwritten letters, trained by exact single-sample SGD."""

import gc
import signal
import sys

__version__ = "0.1.0"

# Run as a program, there is nothing to save before the first step: Ctrl-C ends it at once, also in the seconds that the
# imports below take, and without a traceback.
_is_program = sys.argv[:1] and sys.argv[0].endswith(("-m", "letters-torch"))
if _is_program and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Nor is there garbage among what is imported, and looking for it takes a seventh of that time. `cli.main` ends this.
if _is_program:
    gc.disable()

from letters_torch import _torchvision_guard  # noqa: E402

# Before anything else imports torchvision or, through torchmetrics, Lightning.
_torchvision_guard.install()
