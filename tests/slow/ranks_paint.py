"""A program, also for torchrun: paints one video with an exported folder, its networks in channels_last.

python -m tests.slow.ranks_paint FOLDER OUTPUT: writes OUTPUT/COUNT-RANK.pt
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from humangen.checkpoint import load_pipeline
from humangen.diffusion.sample import Sampler
from humangen.inference.animate import animate
from humangen.inference.ranks import join_ranks
from humangen.models.vae import LatentCodec
from tests.unit.tiny import tiny_batch

FRAMES = 45


def main(folder: str, output: str) -> None:
    torch.set_num_threads(1)
    pipeline = load_pipeline(folder).eval().to(memory_format=torch.channels_last)
    assert isinstance(pipeline.codec, LatentCodec)
    batch = tiny_batch(["k"], frames=FRAMES)
    ranks = join_ranks("cpu")
    with torch.inference_mode():
        reference = pipeline.encode_reference(batch.reference, batch.reference_pose)
        condition = pipeline.condition(reference, batch.target_pose)
    sampler = Sampler(num_steps=2, window=16, overlap=4)
    frames = animate(pipeline, reference, condition, keys=["k"], sampler=sampler, guidance=1.5, ranks=ranks)
    torch.save(frames.contiguous(), Path(output) / f"{ranks.count}-{ranks.index}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
