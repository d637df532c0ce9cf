"""What a training run leaves on the disk to go on from, and to paint with."""

from __future__ import annotations

import operator
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from humangen import checkpoint_files
from humangen.callbacks.stop import Stopped
from humangen.doing import doing
from humangen.tasks.base import NonFiniteLoss, validation_of
from humangen.types import InputError

BEST, STEPS = "best.ckpt", f"step={'[0-9]' * 8}.ckpt"
BETTER = {"min": operator.lt, "max": operator.gt}
SAVING = "saving a checkpoint"
EVERYWHERE = (Stopped, NonFiniteLoss)  # what all ranks raise at the same batch


class WholeFiles(TorchCheckpointIO):
    """Lightning's own saves to the folder of temporary files, and copies from there when that is on another disk: a
    kill in the middle leaves half of the new file in the place of the old one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        checkpoint_files.write(checkpoint, Path(path))


class Checkpoints(Checkpoint):
    """Saves every `every_n_train_steps` steps, at the end, and when training stops; keeps the newest `keep`, and as
    best.ckpt the one whose validation had the lowest `monitor` (the highest with `mode` max; None keeps no best).

    A checkpoint is of a finished step, the validation after it included: it is saved when the next one is about to
    begin. What an accumulation had gathered when training stopped is not in it, and is computed again.
    """

    def __init__(
        self,
        *,
        folder: str,
        every_n_train_steps: int = 500,
        keep: int = 2,
        monitor: str | None = None,
        mode: str = "min",
    ) -> None:
        if keep < 1:
            raise InputError(f"callbacks.checkpoint.keep={keep} would keep no checkpoint: give 1 or more")
        if mode not in BETTER:
            raise InputError(f"callbacks.checkpoint.mode={mode} is neither min nor max")
        self.folder, self.every, self.keep, self.monitor, self.mode = folder, every_n_train_steps, keep, monitor, mode
        self.saved_step = 0
        self.best_score: float | None = None
        self.between_steps = False  # else the weights may be half changed
        self.validating = False
        self.seconds = 0.0  # of training, until `began`
        self.began = 0.0

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.folder = trainer.strategy.broadcast(self.folder)  # processes of torchrun differ in the second
        trainer.strategy.checkpoint_io = WholeFiles()
        if trainer.is_global_zero:
            checkpoint_files.remove_leftovers(Path(self.folder))

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        step = trainer.global_step
        if not trainer.strategy.reduce_boolean_decision(step == trainer.strategy.broadcast(step)):
            shared = Path(self.folder).parent
            raise InputError(f"the ranks go on from different steps: {shared} must be a folder that all of them share")
        self.saved_step, self.between_steps, self.began = step, True, time.perf_counter()
        self.best_score = trainer.strategy.broadcast(self._kept_score() if trainer.is_global_zero else None)

    def _kept_score(self) -> float | None:
        """That of the file: a kill may have come between it and the checkpoint that the run goes on from."""
        best = Path(self.folder) / BEST
        if not self.monitor or not best.is_file():
            return None
        try:
            return checkpoint_files.read(best)["callbacks"][self.state_key]["best_score"]
        except InputError as error:
            print(f"{error}; the next validation makes another", file=sys.stderr)
        except KeyError:  # it is the best by another measure
            pass
        return None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # what the loggers count by; resumed where a validation was due, Lightning would count that step twice
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step
        if trainer.global_step > self.saved_step and trainer.global_step % self.every == 0:
            self._save(trainer)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Any) -> None:
        self.between_steps = False

    def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
        self.between_steps = True  # Lightning calls checkpoint callbacks last, so the average is up to date

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validating = True

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.validating = False
        if not self.monitor or trainer.sanity_checking or validation_of(trainer) != "val":
            return
        metrics = trainer.callback_metrics
        score = trainer.strategy.broadcast(float(metrics[self.monitor]) if self.monitor in metrics else None)
        if score is None:
            raise InputError(
                f"callbacks.checkpoint.monitor={self.monitor} is not what validation measures: give one of "
                f"{', '.join(sorted(name for name in metrics if name.startswith('val/')))}, or null"
            )
        if score == score and (self.best_score is None or BETTER[self.mode](score, self.best_score)):
            self.best_score = score
            with doing.during(SAVING):
                trainer.save_checkpoint(Path(self.folder) / BEST, weights_only=False)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.global_step > self.saved_step:
            self._save(trainer)
        self.seconds, self.began = self._seconds(), 0.0

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if trainer.world_size > 1 and not isinstance(exception, EVERYWHERE):
            return  # the other ranks would not come to save with this one
        if self.between_steps and trainer.global_step > self.saved_step:
            self._save(trainer)
        if trainer.is_global_zero and trainer.global_step:
            folder = Path(self.folder).parent
            print(
                f"stopped at step {trainer.global_step}, saved up to step {self.saved_step}: the same command with "
                f"hydra.run.dir={folder} goes on there, resume={folder} in a new folder",
                file=sys.stderr,
            )

    def _save(self, trainer: L.Trainer) -> None:
        step, folder = trainer.global_step, Path(self.folder)
        with doing.during(SAVING):
            trainer.save_checkpoint(folder / f"step={step:08d}.ckpt", weights_only=False)
        self.saved_step = step
        if trainer.is_global_zero:
            # later ones are of a try that this run did not go on from: they are replaced when their step comes
            steps = {int(path.stem.removeprefix("step=")): path for path in folder.glob(STEPS)}
            for number in sorted(number for number in steps if number <= step)[: -self.keep]:
                trainer.strategy.remove_checkpoint(steps[number])

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Takes back what Lightning counted of batches whose step is not done, and lets it begin an unfinished
        validation again."""
        loops = checkpoint["loops"]["fit_loop"]
        progress = loops["epoch_loop.batch_progress"]
        ahead = progress["total"]["ready"] - trainer.global_step * trainer.accumulate_grad_batches
        for counts in (progress["total"], progress["current"]):
            counts.update(dict.fromkeys(counts, counts["ready"] - ahead))
        if self.validating:
            in_first_batch = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
            loops["epoch_loop.val_loop.batch_progress"] |= {"total": in_first_batch, "current": in_first_batch}

    def _seconds(self) -> float:
        return self.seconds + (time.perf_counter() - self.began if self.began else 0.0)

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    @property
    def state_key(self) -> str:
        return f"Checkpoints({self.monitor})"
