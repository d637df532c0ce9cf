"""Trains what the configuration says: compose, build, run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a busy machine

from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from humangen import checkpoint, objective
from humangen.build import build
from humangen.cli.errors import reported
from humangen.entry import composed
from humangen.evaluation import Exam, run_protocol
from humangen.inference.painters import painter_of
from humangen.inference.ranks import joined_ranks
from humangen.strategies import check_launch
from humangen.sweeps import Job
from humangen.training import train


def run(config: dict[str, Any]) -> float | None:
    """Trains, and scores what it trained if the configuration names a protocol. Returns what a search is over: the
    protocol's leading metric, or the validation loss."""
    protocol = config.get("protocol")
    for data in filter(None, (config["data"], protocol and protocol["data"])):
        if source := data.pop("source", None):
            build(source).ensure(data["shards"])
    trainer = train(config)
    if not protocol:
        return objective.of_metrics(trainer.callback_metrics)
    # processes that torchrun started differ in the second
    output = Path(trainer.strategy.broadcast(config["run_dir"]))
    pipeline = checkpoint.load_pipeline(output).to(trainer.strategy.root_device)
    painter = painter_of(pipeline, build(config["sampler"]), config["guidance"], config["seed"])
    return objective.of_result(run_protocol(painter, Exam.of(protocol, joined_ranks()), output, output / "painted"))


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@reported
def main(cfg: DictConfig) -> float | None:
    config, hydra_config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True), HydraConfig.get()
    swept = list(hydra_config.overrides.task) if hydra_config.mode == RunMode.MULTIRUN else None
    check_launch(config["strategy"], config["trainer"]["accelerator"], swept)
    if swept is None:
        return run(config)
    return Job(Path(config["run_dir"]), config, swept).do(lambda: run(config))


if __name__ == "__main__":
    composed(main)
