"""The files of tensors."""

import io
import json
from dataclasses import asdict

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

from letters_torch.data.directions import of_images
from letters_torch.data.moments import normalised
from letters_torch.exact_sgd.network import logits
from letters_torch.export import weights
from letters_torch.export.trained import Trained
from tests.support.making import pictures


def test_the_tensors_are_a_plain_network(small: Trained) -> None:
    tensors = weights.tensors(small)
    network = nn.Sequential(nn.Linear(784, small.hidden), nn.Tanh(), nn.Linear(small.hidden, 26))
    network.load_state_dict({name: tensor for name, tensor in tensors.items() if "." in name})
    by = small.standardizer
    moved = normalised(pictures(5), by.moments)
    placed = torch.from_numpy(of_images(moved) if by.directions else moved)
    x = ((placed.float() - tensors["mean"]) * tensors["inv_std"]).flatten(1)
    expected = logits(torch.from_numpy(small.V), torch.from_numpy(small.W), x)
    torch.testing.assert_close(network(x).detach(), expected)


def test_both_files_hold_the_same(small: Trained, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "x.safetensors").write_bytes(weights.safetensors_file(small))
    content = torch.load(io.BytesIO(weights.torch_file(small)), weights_only=True)
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert file.metadata() == content["metadata"] == small.metadata()
        assert set(file.keys()) == set(content["tensors"])
        for name, tensor in content["tensors"].items():
            np.testing.assert_array_equal(file.get_tensor(name).numpy(), tensor.numpy())
    assert small.standardizer.moments is not None
    assert json.loads(content["metadata"]["moments"]) == asdict(small.standardizer.moments)
