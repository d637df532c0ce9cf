"""Trains what the configuration says: compose, build, run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a busy machine

from pathlib import Path
from typing import Any

import hydra
import lightning as L
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from humangen import checkpoint, runs
from humangen.build import build, composed
from humangen.cli.errors import reported
from humangen.evaluation import Exam, peak_memory_gb, run_protocol, write_result
from humangen.inference.painters import painter_of
from humangen.inference.ranks import joined_ranks
from humangen.strategies import check_launch
from humangen.types import InputError


def run(config: dict[str, Any]) -> None:
    """Trains, and scores what it trained if the configuration names a protocol."""
    output, protocol = Path(config["run_dir"]), config.get("protocol")
    L.seed_everything(config["seed"], workers=True, verbose=False)
    for data in filter(None, (config["data"], protocol and protocol["data"])):
        if source := data.pop("source", None):
            build(source).ensure(data["shards"])
    resume = runs.going_on(config)
    if resume and resume.is_dir():
        raise InputError(f"{resume} holds weights only, and no training to resume: start from it with init={resume}")
    if config["stage"]["trainable_parts"] == "motion" and not (config["init"] or resume):
        raise InputError(
            "stage 2 trains the temporal layers of a network that can paint pictures: name it with init=RUN"
        )
    task, data = build(config["task"]), build(config["data"])
    stored = {key: config[key] for key in ("pipeline", "model", "seed", "sampler", "height", "width")}
    task.save_hyperparameters({**stored, "parts": config["data"].get("parts")})
    if source := resume or config["init"]:
        start = checkpoint.load(source)
        checkpoint.check_same_mask(start, config)
        if not resume:
            checkpoint.start_from(task.network, start)
    if config["pipeline"]:
        sampler = build(config["sampler"])
        task.pipeline.schedule.solver(sampler.solver, sampler.num_steps)  # fails now rather than in validation
    if not config["callbacks"].get("checkpoint"):
        raise InputError("callbacks.checkpoint=null would leave nothing of the run: give callbacks.checkpoint.keep=1")
    callbacks = [build(node) for node in config["callbacks"].values() if node]
    try:
        trainer = build(config["trainer"])(logger=build(config["logger"]), callbacks=callbacks)
    except MisconfigurationException as error:
        raise InputError(f"Lightning refuses this trainer: {error} Without a GPU take trainer=cpu") from error
    if trainer.is_global_zero:
        runs.note(config)
    told, step_before = output / "training.json", runs.steps_of(resume) if resume else 0
    trainer.fit(task, data, ckpt_path=resume, weights_only=True)
    if trainer.is_global_zero and not (trainer.global_step == step_before and told.is_file()):
        seconds = trainer.checkpoint_callback.seconds
        write_result(told, {"steps": trainer.global_step, "seconds": seconds, "peak_memory_gb": peak_memory_gb()})
    if protocol:
        output = Path(trainer.strategy.broadcast(str(output)))  # processes that torchrun started differ in the second
        pipeline = checkpoint.load_pipeline(output)
        painter = painter_of(pipeline, build(config["sampler"]), config["guidance"], config["seed"])
        run_protocol(painter, Exam.of(protocol, joined_ranks()), output, output / "painted")


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@reported
def main(cfg: DictConfig) -> None:
    config, job = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True), HydraConfig.get()
    check_launch(
        config["strategy"],
        config["trainer"]["accelerator"],
        list(job.overrides.task) if job.mode == RunMode.MULTIRUN else None,
    )
    run(config)


if __name__ == "__main__":
    composed(main)
