"""Run by test_network_ranks: 1, 2 and 3 processes score the same clips, divided unevenly, and rank 0 prints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import start_processes

from humangen.metrics.features import Extractor
from humangen.metrics.frechet import FrechetDistance
from humangen.metrics.identity import CosineSimilarity, FaceSimilarity
from humangen.metrics.kernel import KernelDistance
from humangen.metrics.perceptual import PerceptualDistance
from humangen.metrics.pose_error import MissingKeypoints, PoseError

SHARES = {1: [range(10)], 2: [range(10), range(0)], 3: [range(7), range(0), range(7, 10)]}


class Pixels(Extractor):
    dim = 6

    def network_features(self, rows: Tensor) -> Tensor:
        return rows.flatten(1)[:, :6]


class Joints(Extractor):
    dim = 54

    def network_features(self, rows: Tensor) -> Tensor:
        return rows.flatten(1).repeat(1, 2)[:, :54].sigmoid()


class Faces(Extractor):
    dim = 5

    def network_features(self, rows: Tensor) -> Tensor:
        return torch.cat([rows.flatten(1)[:, :4], rows.flatten(1)[:, 4:5] > 0], 1)


class Distances(nn.Module):
    name, sha256 = "distances", "0" * 64

    def forward(self, prediction: Tensor, truth: Tensor) -> Tensor:
        return (prediction - truth).abs().mean((1, 2, 3))


def score(rank: int, ranks: int, file: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=ranks)
    generator = torch.Generator().manual_seed(0)
    prediction, truth = torch.randn(2, 10, 3, 3, 4, 4, generator=generator)
    extractor = Pixels("pixels", "0" * 64)
    metrics = {
        "frechet": FrechetDistance(extractor),
        "kernel": KernelDistance(extractor),
        "cosine": CosineSimilarity(extractor),
        "faces": FaceSimilarity(Faces("faces", "0" * 64)),
        "pose": PoseError(Joints("joints", "0" * 64)),
        "missing": MissingKeypoints(Joints("joints", "0" * 64)),
        "perceptual": PerceptualDistance(Distances()),
    }
    share = SHARES[ranks][rank]
    for begin in range(share.start, share.stop, 2):
        chosen = slice(begin, min(begin + 2, share.stop))
        keys = [f"clip {number}" for number in range(chosen.start, chosen.stop)]
        for metric in metrics.values():
            metric.update(prediction[chosen], truth[chosen], keys=keys)
    scores = {name: metric.compute() for name, metric in metrics.items()}
    if rank == 0:
        print(json.dumps(scores), flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    for ranks in SHARES:
        # forked, for speed: no thread has been started yet
        start_processes(score, (ranks, Path(sys.argv[1]) / str(ranks)), nprocs=ranks, start_method="fork")
