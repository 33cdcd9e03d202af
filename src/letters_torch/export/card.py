"""The model card: what the network was trained on and how, how well it does, and what it is not for."""

from pathlib import Path

import yaml

from letters_torch.export.trained import INPUT, Trained
from letters_torch.reading.intervals import CONFIDENCE, wilson

RECIPE = ("seed_everything", "model", "data")  # the sections of the config that determine the weights
_PREPROCESSING = """\
import json, numpy as np, torch
from torch import nn
from letters_torch.data.directions import of_images
from letters_torch.data.moments import Moments

def probabilities(tensors, metadata, images):  # images: uint8 (N, 28, 28), white on black
    moments = json.loads(metadata["moments"])
    pixels = Moments(**moments)(images) if moments else images
    pixels = of_images(pixels) if metadata["directions"] == "true" else pixels
    x = (torch.from_numpy(pixels).float() - tensors["mean"]) * tensors["inv_std"]
    hidden = len(tensors["0.bias"])
    network = nn.Sequential(nn.Linear(784, hidden), nn.Tanh(), nn.Linear(hidden, 26))
    network.load_state_dict({name: t for name, t in tensors.items() if "." in name})
    with torch.no_grad():
        return network(x.flatten(1)).softmax(1)
"""
_USE = {  # FILE stands for the name of the file
    "onnx": """\
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("FILE")
images = np.zeros((1, 28, 28), np.uint8)  # white on black, as on file
probabilities, classes = session.run(["probabilities", "classes"], {"images": images})
""",
    "safetensors": _PREPROCESSING
    + """
from safetensors import safe_open
with safe_open("FILE", "pt") as file:
    tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
print(probabilities(tensors, metadata, np.zeros((1, 28, 28), np.uint8)))
""",
    "torch": _PREPROCESSING
    + """
content = torch.load("FILE", weights_only=True)
print(probabilities(content["tensors"], content["metadata"], np.zeros((1, 28, 28), np.uint8)))
""",
}


def text(trained: Trained, kind: str, file: str) -> str:
    """The card of an exported file of this name and kind ("onnx", "safetensors" or "torch"), in Markdown."""
    sections = (
        ("Input and output", _interface(trained, kind)),
        ("Data", _data(trained)),
        ("Recipe", _recipe(trained)),
        ("Accuracy", _accuracy(trained)),
        ("Limits", _limits(trained)),
        ("Use", f"```python\n{_USE[kind].replace('FILE', file)}```"),
    )
    body = "".join(f"\n## {heading}\n\n{text}\n" for heading, text in sections)
    return f"# Model card: {file}\n\n{_summary(trained)}\n{body}"


def _summary(trained: Trained) -> str:
    return (
        f"A 784-{trained.hidden}-26 network (tanh, softmax) that reads one handwritten letter, A to Z, upper and lower"
        f" case merged. Trained by letters_torch with {trained.step:,} updates of single-sample SGD."
    )


def _interface(trained: Trained, kind: str) -> str:
    outputs = "`probabilities`, float32 N x 26, of A..Z, and `classes`, int64 N, 0..25"
    if kind == "onnx":
        return f"Input `images`: {INPUT}. Outputs: {outputs}. Preprocessing is part of the graph: {_steps(trained)}."
    return (
        "Tensors `0.weight`, `0.bias`, `2.weight`, `2.bias` (two linear layers with tanh between them), `mean` and"
        f" `inv_std` (28 x 28). Images are {INPUT}. They must be preprocessed: {_steps(trained)}."
        " Without this the predictions are wrong."
    )


def _steps(trained: Trained) -> str:
    moments = trained.standardizer.moments
    first = "" if moments is None else f"moment normalisation {moments}, then "
    if trained.standardizer.directions:
        return f"{first}direction features, then (feature - mean) * inv_std"
    return f"{first}(pixel - mean) * inv_std"


def _data(trained: Trained) -> str:
    return f"{trained.origin}. Fingerprint of the training letters: `{trained.digest}`."


def _recipe(trained: Trained) -> str:
    recipe = {name: trained.config[name] for name in RECIPE if name in trained.config}
    if not recipe:
        return "Not recorded: the checkpoint was not in a run folder."
    if isinstance(recipe.get("data"), dict) and recipe["data"].get("path"):
        recipe["data"] = recipe["data"] | {"path": Path(recipe["data"]["path"]).name}  # a card may be published
    return f"```yaml\n{yaml.safe_dump(recipe, sort_keys=False)}```"


def _accuracy(trained: Trained) -> str:
    if trained.accuracy is None:
        return f"Not measured at step {trained.step:,}."
    rows = trained.validation
    low, high = wilson(round(trained.accuracy * rows), rows)
    return (
        f"{trained.accuracy:.2%} of {rows:,} validation rows ({CONFIDENCE:.0%} Wilson interval {low:.2%} to"
        f" {high:.2%}), which were not trained on. A checkpoint that was chosen for this figure does a little worse on"
        " new letters. On letters of writers who are not among the training writers, expect a lower accuracy than a"
        " random split suggests."
    )


def _limits(trained: Trained) -> str:
    limits = [
        "One isolated letter per image. It reads no digits, words, accents or other scripts, and names a letter for any"
        " image, also for an empty one.",
        "Upper and lower case are one class.",
        "Images must have the polarity, size and orientation given above; black ink on white paper must be inverted.",
        "The probabilities are not calibrated.",
    ]
    if trained.scaling == "pixel_each_set":
        limits.append(
            "The run standardised each file by its own statistics. The exported network uses those of the labelled"
            " rows, so its predictions on a test file can differ from `predict`."
        )
    if "built-in" in trained.origin.lower():
        limits.append("It was trained on letters drawn by the program. Expect less on real handwriting.")
    return "\n".join(f"- {limit}" for limit in limits)
