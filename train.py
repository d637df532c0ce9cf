"""Trains what the configuration says: compose, build, run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a busy machine

import time
from pathlib import Path
from typing import Any

import hydra
import lightning as L
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from humangen import checkpoint, objective
from humangen.build import build
from humangen.callbacks.throughput import Throughput
from humangen.cli.errors import reported
from humangen.entry import composed
from humangen.evaluation import Exam, peak_memory_gb, run_protocol, write_result
from humangen.inference.painters import painter_of
from humangen.inference.ranks import joined_ranks
from humangen.strategies import check_launch
from humangen.sweeps import Job
from humangen.types import InputError


def run(config: dict[str, Any]) -> float | None:
    """Trains, and scores what it trained if the configuration names a protocol. Returns what a search is over: the
    protocol's leading metric, or the validation loss."""
    output, protocol = Path(config["run_dir"]), config.get("protocol")
    L.seed_everything(config["seed"], workers=True, verbose=False)
    for data in filter(None, (config["data"], protocol and protocol["data"])):
        if source := data.pop("source", None):
            build(source).ensure(data["shards"])
    resume = checkpoint.find(config["resume"]) if config["resume"] else None
    if resume and resume.is_dir():
        raise InputError(f"{resume} holds weights only, and no training to resume: start from it with init={resume}")
    if config["stage"]["trainable_parts"] == "motion" and not (config["init"] or config["resume"]):
        raise InputError(
            "stage 2 trains the temporal layers of a network that can paint pictures: name it with init=RUN"
        )
    task, data = build(config["task"]), build(config["data"])
    stored = {key: config[key] for key in ("pipeline", "model", "seed", "sampler", "height", "width")}
    seen = {"parts": config["data"].get("parts"), "framing": config["data"].get("eval_framing")}
    task.save_hyperparameters({**stored, **seen})
    for source in filter(None, (config["init"], config["resume"])):
        checkpoint.check_same_mask(checkpoint.load(source), config)
    if config["init"]:
        checkpoint.start_from(task.network, checkpoint.load(config["init"]))
    if config["pipeline"]:
        sampler = build(config["sampler"])
        task.pipeline.schedule.solver(sampler.solver, sampler.num_steps)  # fails now rather than in validation
    callbacks = [build(node) for node in config["callbacks"].values() if node]
    try:
        trainer = build(config["trainer"])(logger=build(config["logger"]), callbacks=callbacks)
    except MisconfigurationException as error:
        raise InputError(f"Lightning refuses this trainer: {error} Without a GPU take trainer=cpu") from error
    began = time.perf_counter()
    trainer.fit(task, data, ckpt_path=resume, weights_only=True)
    # the callback's last one may be older
    trainer.save_checkpoint(output / "checkpoints" / "last.ckpt")
    seconds = time.perf_counter() - began
    if trainer.is_global_zero:
        watched = [each.memory_gb for each in callbacks if isinstance(each, Throughput)]  # it starts the record anew
        peak = max([peak_memory_gb(), *watched])
        write_result(
            output / "training.json", {"steps": trainer.global_step, "seconds": seconds, "peak_memory_gb": peak}
        )
    if protocol:
        output = Path(trainer.strategy.broadcast(str(output)))  # processes that torchrun started differ in the second
        pipeline = checkpoint.load_pipeline(output)
        painter = painter_of(pipeline, build(config["sampler"]), config["guidance"], config["seed"])
        return objective.of_result(run_protocol(painter, Exam.of(protocol, joined_ranks()), output, output / "painted"))
    return objective.finite({name: value.item() for name, value in trainer.callback_metrics.items()}.get("val/loss"))


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@reported
def main(cfg: DictConfig) -> float | None:
    config, hydra_config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True), HydraConfig.get()
    swept = list(hydra_config.overrides.task) if hydra_config.mode == RunMode.MULTIRUN else None
    check_launch(config["strategy"], config["trainer"]["accelerator"], swept)
    if swept is None:
        return run(config)
    job = Job(Path(config["run_dir"]), config, swept)
    return job.do(lambda: run(config | {"resume": job.last_checkpoint or config["resume"]}))


if __name__ == "__main__":
    composed(main)
