"""What of a run depends on the number of threads: `python -m tests.reliability.threads`.

With --write the answer goes into docs/reliability.md.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import fields
from itertools import product
from pathlib import Path

from tests.reliability import runs
from tests.reliability.figures import conditions, put

AUGMENTATIONS = {
    "as they are": (),
    "RandomAffine": ("--data.augment=RandomAffine", "--data.augment.degrees=10", "--data.augment.translate=[0.1,0.1]"),
    "RollAndRotate": ("--data.augment=RollAndRotate",),
}
COUNTS = (1, 2, 4)


def ended(folder: Path, threads: int, *flags: str) -> runs.Left:
    """A run of the program with so many threads for torch and NumPy: blocks of 1,000, checks of 3,000 rows."""
    data = {"validation": 1300, "probe": "all", "block": 1000, "workers": 0}
    config = runs.make(folder, rows=3000, data=data, trainer={"val_check_interval": 1000})
    flags = (*flags, '--model.schedule=[{"steps": 2000, "lr": 0.003, "weight_decay": 0.001}]')
    command = [sys.executable, "-W", "ignore", "-m", "letters_torch", "fit", "--config", str(config), *flags]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return runs.left(folder)


def main() -> None:
    compared, different = 0, list[str]()
    for engine, hidden, (name, augment) in product(("blocked", "autograd"), (16, 400), AUGMENTATIONS.items()):
        flags = (f"--model.engine={engine}", f"--model.hidden={hidden}", *augment)
        with tempfile.TemporaryDirectory() as folder:
            first, *others = (ended(Path(folder, str(threads)), threads, *flags) for threads in COUNTS)
        differ = {f.name for f in fields(first) if any(getattr(o, f.name) != getattr(first, f.name) for o in others)}
        what = f"{engine}, {hidden} hidden units, images {name}, {COUNTS} threads"
        print(f"{what}: {', '.join(sorted(differ)) or 'no bit'} differs", flush=True)
        compared, different = compared + len(others), different + [f"{what}: {each}" for each in sorted(differ)]
    said = f"{compared} runs compared with the same run of {COUNTS[0]} thread; what differs: "
    if "--write" in sys.argv:
        put("threads", [f"{said}{'; '.join(different) or 'no bit'} ({conditions()})."])


if __name__ == "__main__":
    main()
