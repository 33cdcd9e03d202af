"""Lightning's way to checkpoint files."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from letters_torch import checkpoint as checkpoints


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint whole or not at all, and reads only what `letters_torch.checkpoint` lets through."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        checkpoints.write(Path(path), checkpoints.encode(checkpoint))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """The checkpoint, with the entries that Lightning asks for, empty."""
        empty = {"epoch": 0, "optimizer_states": [], "lr_schedulers": [], "pytorch-lightning_version": pl.__version__}
        return {**empty, **checkpoints.load(Path(path))}
