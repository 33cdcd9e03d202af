"""The effect of each part of the hand model: accuracy on real letters of a network trained on built-in letters alone.

For each row of the table one more part of the hand model is switched on, letters are generated, the 784-400-26 tanh
network is trained on them, and real letters are predicted, with several seeds:

    python benchmarks/builtin_ablation.py [--letters 31200] [--epochs 8] [--seeds 3] [--real FILE.npz]
    python benchmarks/builtin_ablation.py --ckpt_path RUN/checkpoints/last.ckpt ...

With --ckpt_path nothing is trained here: the row is that of the given checkpoints.

FILE.npz, ../shared/data/real_check.npz by default, holds x (N x 28 x 28 uint8, upright, white on black), y (1..26) and
source, the name of each letter's set. Training is AdamW on batches of 128 with a one-cycle learning rate up to 2e-3;
pixels are scaled by one mean and deviation, and images are randomly rotated, shifted and scaled.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from letters_torch import checkpoint
from letters_torch.data.standardize import Standardizer
from letters_torch.exact_sgd.network import logits
from letters_torch.letters import CLASSES, SIDE, Letters, UInt8
from letters_torch.synthetic.hand import Hand
from letters_torch.synthetic.make import make
from letters_torch.synthetic.templates import Forms, all_forms, stack, stacked

REAL = Path("../shared/data/real_check.npz")
BATCH = 128
Reader = Callable[[UInt8], npt.NDArray[np.int64]]

# The parts in the order in which they are added, and the fields of Hand that each brings.
PARTS = {
    "slant, rotation, width, zones": ("slant", "slant_mean", "rotation", "width", "zones"),
    "displaced strokes and points, bent letters": ("points", "strokes", "stretch", "bend"),
    "ends that overshoot, corners rounded, tremor": ("ends", "rounding", "tremor"),
    "pens, blurs and sizes": ("pen", "flow", "blur", "box"),
    "coarse scanners": ("coarse", "cell"),
}


def main() -> None:
    """Prints the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=31_200)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3, help="networks for each row, with letters of their own")
    parser.add_argument("--real", type=Path, default=REAL)
    parser.add_argument("--ckpt_path", type=Path, nargs="+", help="checkpoints to read with; nothing is trained here")
    options = parser.parse_args()
    if not options.real.exists():
        print(f"skipped: there is no {options.real}, the real letters to read")
        return
    torch.set_num_threads(1)
    with np.load(options.real) as file:
        real = {str(s): (file["x"][file["source"] == s], file["y"][file["source"] == s]) for s in set(file["source"])}
    names = sorted(real)
    print("| the hand has |", " | ".join(names), "|\n|---|" + "---|" * len(names))
    for what, readers in table(options):
        found = np.array([[(read(real[name][0]) == real[name][1]).mean() for name in names] for read in readers])
        print(f"| {what} |", " | ".join(map(mean_and_deviation, found.T)), "|", flush=True)


def mean_and_deviation(accuracies: npt.NDArray[np.float64]) -> str:
    """Mean ± standard deviation; one accuracy alone as it is."""
    spread = f" ± {accuracies.std(ddof=1):.3f}" if len(accuracies) > 1 else ""
    return f"{accuracies.mean():.3f}{spread}"


def table(options: argparse.Namespace) -> Iterator[tuple[str, Iterator[Reader]]]:
    """Each row's name and its trained networks."""
    if options.ckpt_path is not None:
        yield f"{len(options.ckpt_path)} checkpoints", map(trained, options.ckpt_path)
        return
    for what, hand, forms in rows():
        sets = ((seed, make(options.letters, False, seed, hand, forms)) for seed in range(options.seeds))
        yield what, (train(letters, options.epochs, seed) for seed, letters in sets)


def trained(path: Path) -> Reader:
    """The network of a checkpoint, with the statistics that it was trained with."""
    content = checkpoint.load(path)
    standardizer = Standardizer.from_state(content["LettersDataModule"]["standardizer"])
    V, W = (content["state_dict"][name] for name in "VW")
    return lambda images: logits(V, W, standardizer(torch.from_numpy(images), V.dtype).flatten(1)).argmax(1).numpy() + 1


def rows() -> list[tuple[str, Hand, Forms]]:
    """What each row adds, and the hand and the forms it comes to."""
    letters = {form.letter for form in all_forms()}
    commonest = {x: max((form for form in all_forms() if form.letter == x), key=lambda f: f.share) for x in letters}
    hand = Hand.still()
    table = [("one form for each letter", hand, stack(tuple(commonest[x] for x in sorted(letters))))]
    hand = replace(hand, habit=Hand().habit)
    table.append(("+ all forms", hand, stacked()))
    for what, names in PARTS.items():
        hand = replace(hand, **{name: getattr(Hand(), name) for name in names})
        table.append((f"+ {what}", hand, stacked()))
    assert hand == Hand(), "a part of the hand is missing from the table"
    return table


def train(letters: Letters, epochs: int, seed: int) -> Reader:
    """Trains the network and returns what it reads in images, as labels."""
    torch.manual_seed(seed)
    pixels = torch.from_numpy(letters.images).float()[:, None] / 255
    assert letters.labels is not None
    labels = torch.from_numpy(letters.labels.astype(np.int64)) - 1
    mean, deviation = pixels.mean(), pixels.std()
    net = torch.nn.Sequential(torch.nn.Linear(SIDE * SIDE, 400), torch.nn.Tanh(), torch.nn.Linear(400, CLASSES))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * (len(pixels) // BATCH))
    for _ in range(epochs):
        for batch in torch.randperm(len(pixels)).split(BATCH)[: len(pixels) // BATCH]:
            inputs = (moved(pixels[batch]) - mean) / deviation
            optimizer.zero_grad()
            functional.cross_entropy(net(inputs.flatten(1)), labels[batch]).backward()
            optimizer.step()
            cycle.step()

    @torch.no_grad()
    def read(images: UInt8) -> npt.NDArray[np.int64]:
        inputs = (torch.from_numpy(images).float() / 255 - mean) / deviation
        return net(inputs.flatten(1)).argmax(dim=1).numpy() + 1

    return read


def moved(pixels: torch.Tensor) -> torch.Tensor:
    """Pictures (N, 1, 28, 28), turned by up to 10 degrees, shifted by up to 2 pixels and scaled by up to 10 %."""

    def up_to(most: float) -> torch.Tensor:
        return most * (2 * torch.rand(len(pixels)) - 1)

    angle, scale, shift = up_to(np.radians(10)), 1 + up_to(0.1), 2 / (SIDE / 2)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    first, second = torch.stack([cos, -sin, up_to(shift)], 1), torch.stack([sin, cos, up_to(shift)], 1)
    grid = functional.affine_grid(torch.stack([first, second], 1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, align_corners=False)


if __name__ == "__main__":
    main()
