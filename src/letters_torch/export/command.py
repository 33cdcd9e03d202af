"""Writes a checkpoint's network and its model card to files."""

from pathlib import Path
from typing import Literal

from letters_torch import files
from letters_torch.console import say
from letters_torch.errors import UserError
from letters_torch.export import card, weights
from letters_torch.export.trained import Trained, read
from letters_torch.paths import output_errors, printable

Format = Literal["onnx", "safetensors", "torch"]
SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "safetensors": ".safetensors", "torch": ".pt"}


def export(checkpoint: Path, format: Format | None = None, output: Path | None = None) -> Path:
    """Writes the network of a checkpoint, and beside it its model card, `OUTPUT.md`.

    Args:
        checkpoint: a checkpoint of a run.
        format: "onnx" is a graph from raw uint8 letters to probabilities, preprocessing included; "safetensors" and
            "torch" are the tensors of the network and of the preprocessing. None: as `output` ends, or "onnx".
        output: the file to write; letters.onnx, letters.safetensors or letters.pt in the current folder if None.

    Returns:
        The file.

    Raises:
        UserError: the checkpoint cannot be read, the format is unknown, is not that of the file's ending or needs a
            package that is not installed, or the file cannot be written.
    """
    named = next((kind for kind, suffix in SUFFIXES.items() if output and output.suffix == suffix), None)
    format = format or named or "onnx"
    if format not in SUFFIXES:
        raise UserError(f"--format {format}: unknown; choose {', '.join(SUFFIXES)}")
    if named not in (None, format):
        raise UserError(f"--output {output}: --format {format} writes {SUFFIXES[format]} files; leave it out")
    file = output or Path(f"letters{SUFFIXES[format]}")
    trained = read(checkpoint)
    text = card.text(trained, format, printable(file.name))
    content = _content(trained, format, text)
    for path, data in ((file, content), (Path(f"{file}.md"), text.encode())):
        with output_errors(path):
            files.write(path, data)
    say(f"{file}: {len(content) / 1e6:.2f} MB, {format}, from {checkpoint}; model card: {file}.md")
    return file


def _content(trained: Trained, format: Format, text: str) -> bytes:
    try:
        if format == "onnx":
            from letters_torch.export import onnx_file

            return onnx_file.model(trained, text).SerializeToString()
        return weights.safetensors_file(trained) if format == "safetensors" else weights.torch_file(trained)
    except ImportError as error:
        raise UserError(
            f"--format {format} needs the {format} package: pip install 'letters-torch[{format}]'"
        ) from error
