"""How far one and two threads of torch lead apart: python -m tests.reliability.threads."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from tests.reliability import runs


def main() -> None:
    for hidden in (16, 400):
        for engine in ("blocked", "autograd"):
            ends = []
            for threads in (1, 2):
                torch.set_num_threads(threads)
                with tempfile.TemporaryDirectory() as folder:
                    config = runs.make(Path(folder))
                    assert runs.fit(config, "--model.engine", engine, "--model.hidden", hidden) == 0
                    (last,) = Path(folder).rglob("last.ckpt")
                    ends.append(np.frombuffer(runs.weights(last), np.float32))
            differ, most = (ends[0] != ends[1]).mean(), np.abs(ends[0] - ends[1]).max()
            print(f"{engine}, {hidden} hidden units: {differ:.1%} of the weights differ, by {most:.1e} at most")


if __name__ == "__main__":
    main()
