"""How torch's threads wait for each other.

By default OpenMP's threads spin between two parallel pieces of work. Our pieces are a millisecond long and there is a
thread preparing samples beside them: on a machine with as many busy threads as cores, spinning threads hold up the
working ones (a run took ten times as long beside two other programs). Read by OpenMP when torch is first imported.
"""

import os


def wait_politely() -> None:
    """Lets idle threads sleep, unless the user's environment says how they are to wait."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
