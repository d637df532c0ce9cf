"""Scores a checkpoint by a protocol: compose, build, run."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve a busy machine

from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.progress import track

from data_prep.prepare import ensure_shards
from humangen.build import build
from humangen.checkpoint import find, load_pipeline
from humangen.cli.errors import reported
from humangen.evaluation import Painter, evaluate, write_result


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
@reported
def main(cfg: DictConfig) -> None:
    config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    protocol = config["protocol"]
    ensure_shards(protocol["data"].pop("source", None), protocol["data"]["shards"])
    painter = Painter(
        load_pipeline(config["checkpoint"]), build(config["sampler"]), config["guidance"], config["seed"]
    )
    batches = build(protocol["data"]).test_dataloader()
    result = evaluate(painter, track(batches, "painting and scoring"), build(protocol["definition"]))
    result["checkpoint"] = str(find(config["checkpoint"]))
    write_result(Path(config["output"]) / "result.json", result)
    print({name: round(result[name], 4) for name in ("psnr", "ssim", "l1")}, config["output"])


if __name__ == "__main__":
    main()
