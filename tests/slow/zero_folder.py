"""A program for torchrun: DeepSpeed saves a task whole, as Lightning's strategy has it do, into a folder of its own.

python -m tests.slow.zero_folder STAGE FOLDER TRUTH, the last a file for the parameters of the network
"""

from __future__ import annotations

import sys
from pathlib import Path

import deepspeed
import torch

from humangen.zero import zero_config
from tests.slow.ranks_train import skip_compiling, task_of


def main(stage: int, folder: str, truth: Path) -> None:
    skip_compiling()
    torch.distributed.init_process_group("gloo")
    task = task_of(parts="unet", checkpointing=False)
    whole = {name: value.clone() for name, value in task.network.state_dict().items()}
    if torch.distributed.get_rank() == 0:
        torch.save(whole, truth)
    trained = task.trainable()
    engine, *_ = deepspeed.initialize(
        model=task, model_parameters=trained, optimizer=torch.optim.AdamW(trained),
        config=zero_config(stage, precision="32-true", clip=None, accumulate=1),
    )  # fmt: skip
    engine.save_checkpoint(folder, client_state={"hyper_parameters": {"seed": 3}, "global_step": 0}, tag="checkpoint")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
