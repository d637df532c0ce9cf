"""Scores a checkpoint by a protocol: compose, build, run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a busy machine

from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from humangen.build import build, composed
from humangen.checkpoint import load_pipeline, load_sampler
from humangen.cli.errors import reported
from humangen.evaluation import run_protocol
from humangen.inference.painters import painter_of


def run(config: dict[str, Any]) -> None:
    """Paints and scores; leaves result.json and some moving pictures in the output folder."""
    protocol, output = config["protocol"], Path(config["output"])
    if source := protocol["data"].pop("source", None):
        build(source).ensure(protocol["data"]["shards"])
    pipeline = load_pipeline(config["checkpoint"]).to(config["device"])
    sampler = load_sampler(config["checkpoint"], **config["sampler"])
    painter = painter_of(pipeline, sampler, config["guidance"], config["seed"])
    result = run_protocol(painter, protocol, output, Path(config["painted"]))
    numbers = {name: value for name, value in result["scores"].items() if isinstance(value, float)}
    print(f"{output}/result.json: " + ", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
@reported
def main(cfg: DictConfig) -> None:
    run(OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True))


if __name__ == "__main__":
    composed(main)
