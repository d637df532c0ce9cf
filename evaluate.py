"""Scores a checkpoint by a protocol: compose, build, run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a busy machine

from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from humangen import objective
from humangen.build import build
from humangen.checkpoint import load_guidance, load_pipeline, load_sampler
from humangen.cli.errors import reported, usable_device
from humangen.cli.options import old_and_new
from humangen.entry import composed
from humangen.evaluation import Exam, lacking, leave, mixed, run_protocol
from humangen.foreign import Folder, evaluate_folder
from humangen.inference.painters import painter_of
from humangen.inference.ranks import join_ranks
from humangen.sweeps import Job, check_alone
from humangen.types import InputError


def run(config: dict[str, Any]) -> float | None:
    """Paints and scores, or scores what lies in a folder; leaves result.json and some pictures in the output folder.
    Returns the protocol's leading metric."""
    check_folders(config)
    protocol, output, ranks = config["protocol"], Path(config["output"]), join_ranks(usable_device(config["device"]))
    if config["predictions"]:
        if ranks.count > 1:
            raise InputError("the pictures in a folder are scored by one process: leave torchrun out")
        result = score_folder(config)
        leave(result, output)
    else:
        ensure(protocol)
        moved = dict(map(old_and_new, config["moved"]))
        pipeline = load_pipeline(config["checkpoint"], moved).to(config["device"])
        sampler = load_sampler(config["checkpoint"], **config["sampler"])
        guidance = load_guidance(config["checkpoint"], config["guidance"])
        painter = painter_of(pipeline, sampler, guidance, config["seed"])
        exam = Exam.of(protocol, ranks, config["weights"])
        result = run_protocol(painter, exam, output, Path(config["painted"]), config["precision"])
    if ranks.index == 0:
        for told in filter(None, (lacking(result), mixed(result))):
            print(told)
        numbers = {name: value for name, value in result["scores"].items() if isinstance(value, float)}
        print(f"{output}/result.json: " + ", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
    return objective.of_result(result)


def check_folders(config: dict[str, Any]) -> None:
    """Raises `InputError` where a folder is named by nothing, as by a variable of the shell that is not set, or where
    there is a truth of no predictions: what would be scored then is something else."""
    for name in ("checkpoint", "predictions", "truth"):
        if config[name] is not None and not str(config[name]).strip():
            raise InputError(f"{name}= is empty: name a folder, or leave {name}= out")
    if config["truth"] and not config["predictions"]:
        raise InputError("truth= is what predictions= are held against: name the folder of these too")


def score_folder(config: dict[str, Any]) -> dict[str, Any]:
    """The result of the samples in a folder."""
    protocol, truth = config["protocol"], config["truth"]
    framing = protocol["data"]["eval_framing"]
    size = framing["height"], framing["width"]
    if not truth:
        ensure(protocol)
        exam = Exam.of(protocol, weights=config["weights"])
    else:
        exam = Exam.of_folder(protocol, Folder(Path(truth)).sha256, config["weights"])
    folders = Path(config["predictions"]), Path(truth) if truth else None
    return evaluate_folder(*folders, exam, size, Path(config["output"]), torch.device(config["device"]))


def ensure(protocol: dict[str, Any]) -> None:
    """Makes the protocol's shards, where they are drawn."""
    if source := protocol["data"].pop("source", None):
        build(source).ensure(protocol["data"]["shards"])


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
@reported
def main(cfg: DictConfig) -> float | None:
    config, hydra_config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True), HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN:
        return run(config)
    swept = list(hydra_config.overrides.task)
    check_alone(swept)
    return Job(Path(config["output"]), config, swept).do(lambda: run(config))


if __name__ == "__main__":
    composed(main)
