"""Writes the report of a run: from a trainer, a module and letters to a page on file."""

from pathlib import Path
from typing import Any

from letters_torch import checkpoint as checkpoints
from letters_torch import files, resume, run_folder
from letters_torch.console import say
from letters_torch.data.datamodule import LettersDataModule
from letters_torch.errors import UserError
from letters_torch.lightning.module import LettersModule
from letters_torch.pages import logged
from letters_torch.pages import report as run
from letters_torch.paths import output_errors
from letters_torch.reading.predictions import predict


def gather(trainer: Any, module: LettersModule, data: LettersDataModule, checkpoint: Path) -> run.Run:
    """Collects the content of the report of the run that the checkpoint belongs to.

    Raises:
        UserError: the checkpoint is in no run folder, the folder is incomplete, or the run had other letters.
    """
    folder = run_folder.of_checkpoint(checkpoint)
    if folder is None:
        raise UserError(
            f"--ckpt_path {checkpoint}: not in the checkpoints/ of a run folder with its config.yaml; name one that is"
        )
    history = logged.read(folder)
    data.setup("validate")
    resume.require_same_data(checkpoints.load(checkpoint)["LettersDataModule"], data.state_dict())
    trainer.validate(module, datamodule=data, ckpt_path=str(checkpoint), verbose=False)
    validation = predict(module, data.val_dataloader()[0])
    test = predict(module, data.test_dataloader()) if data.test.labels is not None else None
    return run.Run(folder, checkpoint, module, data, history, validation, test)


def report(trainer: Any, module: LettersModule, data: LettersDataModule, checkpoint: Path, output: Path | None) -> None:
    """Writes the report of the run that the checkpoint belongs to, to report.html in its folder if `output` is None.

    Raises:
        UserError: as `gather`; or the page cannot be written.
    """
    gathered = gather(trainer, module, data, checkpoint)
    file = output or gathered.folder / "report.html"
    with output_errors(file):
        files.write(file, run.document(gathered).encode())
    say(f"report: {file}")
