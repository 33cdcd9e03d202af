"""`python -m letters_torch export`."""

from pathlib import Path

from letters_torch.cli.checks import check_checkpoint
from letters_torch.console import Parser
from letters_torch.run_folder import named_checkpoint

DESCRIPTION = """Writes the network of a checkpoint for use without letters_torch, and its model card.
The ONNX graph takes raw letters, uint8 N x 28 x 28, and holds the whole preprocessing."""


def main(args: list[str]) -> None:
    """Parses the arguments and writes the files.

    Raises:
        UserError: a wrong argument, or as `letters_torch.export.command.export`.
    """
    parser = Parser("export", DESCRIPTION)
    add = parser.add_argument
    add("--format", choices=["onnx", "safetensors", "torch"], default="onnx", help="of the file (default: onnx)")
    add("--ckpt_path", help="a checkpoint, or last or best of the newest run (default: best)")
    add("--output", type=Path, help="file to write (default: letters.onnx, letters.safetensors or letters.pt)")
    options = parser.parse_args(args)
    check_checkpoint(options.ckpt_path)
    checkpoint = named_checkpoint(options.ckpt_path)
    from letters_torch.export.command import export  # imports torch

    export(checkpoint, options.format, options.output)
