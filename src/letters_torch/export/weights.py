"""The weights and the preprocessing as named tensors, for safetensors and for PyTorch."""

import io

import torch
from torch import Tensor

from letters_torch.export.trained import Trained


def tensors(trained: Trained) -> dict[str, Tensor]:
    """The tensors of the file, float32.

    `0.weight`, `0.bias`, `2.weight` and `2.bias` are the state of `nn.Sequential(nn.Linear(784, hidden), nn.Tanh(),
    nn.Linear(hidden, 26))`; `mean` and `inv_std`, (28, 28) each, standardise the pixels.
    """
    layers = {}
    for index, weights in ((0, trained.V), (2, trained.W)):
        layers[f"{index}.weight"] = torch.from_numpy(weights[:, :-1].copy())
        layers[f"{index}.bias"] = torch.from_numpy(weights[:, -1].copy())
    standardizer = trained.standardizer
    tables = {"mean": standardizer.mean, "inv_std": standardizer.inv_std}
    return layers | {name: table.float() for name, table in tables.items()}


def torch_file(trained: Trained) -> bytes:
    """`{"tensors": tensors, "metadata": Trained.metadata}`, for `torch.load(..., weights_only=True)`."""
    buffer = io.BytesIO()
    torch.save({"tensors": tensors(trained), "metadata": trained.metadata()}, buffer)
    return buffer.getvalue()


def safetensors_file(trained: Trained) -> bytes:
    """A safetensors file of the tensors, the metadata in its header."""
    from safetensors.torch import save

    return bytes(save(tensors(trained), trained.metadata()))
