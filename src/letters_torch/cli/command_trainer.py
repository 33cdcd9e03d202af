"""The trainer of the command line. LightningCLI finds a subcommand as a method of it, its flags in the signature."""

from pathlib import Path
from typing import Any, Literal

from letters_torch.console import say
from letters_torch.lightning.trainer import StepTrainer
from letters_torch.paths import expanded


def _print_results(results: list[dict[str, Any]], _: str) -> None:
    """`val/acc 0.8933, val/loss 0.3517`; Lightning would print a table with 16 digits."""
    figures = {name: float(value) for each in results for name, value in each.items()}
    say(", ".join(f"{name} {value:.4f}" for name, value in figures.items()))


def _expanded(output: Path | None) -> Path | None:
    return None if output is None else expanded(output, "--output")


class CommandTrainer(StepTrainer):
    """A StepTrainer whose signature offers the command line what a run here can use.

    Args:
        precision: of weights and updates.
        **kwargs: as those of `StepTrainer`.
    """

    def __init__(self, *, precision: Literal["32-true", "64-true", "32", "64", 32, 64] | None = None, **kwargs: Any):
        super().__init__(precision=precision, **kwargs)
        loops: list[Any] = [self.validate_loop, self.test_loop]
        for loop in loops:
            loop._print_results = _print_results

    def fit(self, model: Any, datamodule: Any = None, ckpt_path: str | None = None) -> None:  # type: ignore[override]
        """Trains a network, or resumes a run.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule.
            ckpt_path: the checkpoint to resume from: a file, or last or best of the newest run.
        """
        super().fit(model, datamodule=datamodule, ckpt_path=ckpt_path)

    def validate(  # type: ignore[override]
        self, model: Any, datamodule: Any = None, ckpt_path: str | None = None, verbose: bool = True
    ) -> Any:
        """Measures loss and accuracy on the validation rows.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule.
            ckpt_path: a checkpoint: a file, or last or best of the newest run; its best by default.
            verbose: print the figures.
        """
        return super().validate(model, datamodule=datamodule, ckpt_path=ckpt_path, verbose=verbose)

    def test(  # type: ignore[override]
        self, model: Any, datamodule: Any = None, ckpt_path: str | None = None, verbose: bool = True
    ) -> Any:
        """Measures loss and accuracy on the test rows, if they have labels.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule.
            ckpt_path: a checkpoint: a file, or last or best of the newest run; its best by default.
            verbose: print the figures.
        """
        return super().test(model, datamodule=datamodule, ckpt_path=ckpt_path, verbose=verbose)

    def predict(  # type: ignore[override]
        self, model: Any, datamodule: Any = None, ckpt_path: list[str] | str | None = None
    ) -> Any:
        """Reads the test rows, or your own pictures.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule.
            ckpt_path: one or more checkpoints: files, or last or best of the newest run; its best by default. The
                probabilities of several are averaged.
        """
        assert not isinstance(ckpt_path, list)
        return super().predict(model, datamodule=datamodule, ckpt_path=ckpt_path)

    def report(
        self,
        model: Any,
        datamodule: Any,
        ckpt_path: str | None = None,
        output: Path | None = None,
    ) -> None:
        """Writes an HTML page about a run: its accuracy, curves, mistakes and settings.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule of the run's letters.
            ckpt_path: a checkpoint in a run folder, or last or best of the newest run; its best by default.
            output: the file to write; report.html in the run's folder by default.
        """
        from letters_torch.pages import command  # imports matplotlib

        assert ckpt_path is not None
        command.report(self, model, datamodule, Path(ckpt_path), _expanded(output))

    def explain(
        self,
        model: Any,
        datamodule: Any,
        ckpt_path: str | None = None,
        row: int = 0,
        output: Path | None = None,
    ) -> None:
        """Writes the page that shows one training step in numbers: `draw`'s, opened at one step by hand.

        Args:
            model: the LettersModule.
            datamodule: the LettersDataModule.
            ckpt_path: a checkpoint: a file, or last or best of the newest run; initial weights by default.
            row: index of a validation row, from 0.
            output: the file to write; explain.html in the current folder by default.
        """
        from letters_torch.pages.draw import command

        command.explain(model, datamodule, None if ckpt_path is None else Path(ckpt_path), row, _expanded(output))
