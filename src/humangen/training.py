"""A training run: its parts out of a plain configuration, put together, and what it took."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from humangen import checkpoint, runs
from humangen.beginnings import check_frames, check_same_mask, check_same_run, check_same_teaching, check_size
from humangen.build import build
from humangen.callbacks.checkpoints import Checkpoints
from humangen.callbacks.throughput import Throughput
from humangen.diffusion.guidance import check_guidance
from humangen.evaluation import peak_memory_gb, write_result
from humangen.models.sd15 import check_prediction
from humangen.models.stored import self_contained
from humangen.tasks.base import Task
from humangen.types import InputError

# what inference needs to know of a run
STORED = ("pipeline", "model", "seed", "sampler", "guidance", "height", "width")
PART_OF_IT = ("self_attention", "motion")  # trainable parts that leave the output layers as they are


def train(config: dict[str, Any]) -> L.Trainer:
    """Trains from the beginning, or from where the run stopped, to the last step. Leaves training.json beside the
    checkpoints. Raises `KeyboardInterrupt` where somebody stopped it."""
    L.seed_everything(config["seed"], workers=True, verbose=False)
    going_on = origin(config)
    task, data = task_of(config, going_on), build(config["data"])
    callbacks = callbacks_of(config)
    trainer = trainer_of(config, callbacks)
    output = Path(config["run_dir"])
    told, step_before = output / "training.json", runs.steps_of(going_on) if going_on else 0
    with runs.held(output) if trainer.is_global_zero else nullcontext():
        if trainer.is_global_zero:
            runs.note(config)
        try:
            trainer.fit(task, data, ckpt_path=going_on, weights_only=True)
        except SystemExit as ended:  # Lightning's, of an interrupted training
            raise KeyboardInterrupt from ended
    if trainer.is_global_zero and not (trainer.global_step == step_before and told.is_file()):
        seconds = sum(each.seconds for each in callbacks if isinstance(each, Checkpoints))  # of all attempts
        watched = [each.memory_gb for each in callbacks if isinstance(each, Throughput)]  # it starts the record anew
        peak = max([peak_memory_gb(), *watched])
        write_result(told, {"steps": trainer.global_step, "seconds": seconds, "peak_memory_gb": peak})
    return trainer


def origin(config: dict[str, Any]) -> Path | None:
    """The checkpoint that training goes on from; None where it begins."""
    found = runs.going_on(config)
    if found and found.is_dir():
        raise InputError(f"{found} holds weights only, and no training to resume: start from it with init={found}")
    if config["stage"]["trainable_parts"] == "motion" and not (config["init"] or found):
        raise InputError(
            "stage 2 trains the temporal layers of a network that can paint pictures: name it with init=RUN"
        )
    return found


def task_of(config: dict[str, Any], going_on: Path | None) -> Task:
    """The task with the weights that it starts from; those of `going_on` come with the rest of its checkpoint."""
    task = build(config["task"])
    facts = facts_of(config, task)
    task.save_hyperparameters(facts)
    check_size(task.pipeline.codec if config["pipeline"] else task.network, config["height"], config["width"])
    if config["pipeline"]:
        check_frames(task.network, config)
        sampler = build(config["sampler"])
        task.pipeline.schedule.solver(sampler.solver, sampler.num_steps)  # fails now rather than in validation
        check_guidance(config["guidance"])
    if going_on:
        check_same_run(task.network, checkpoint.load(going_on), facts)
    elif config["init"]:
        start = checkpoint.load(config["init"])
        check_same_mask(start, facts)
        check_same_teaching(start, facts, whole=facts["trainable_parts"] not in PART_OF_IT)
        checkpoint.start_from(task.network, start)
    elif (pretrained := config["model"].get("pretrained")) and facts["trainable_parts"] in PART_OF_IT:
        check_prediction(pretrained, task.pipeline.schedule)
    return task


def facts_of(config: dict[str, Any], task: Task) -> dict[str, Any]:
    """What a checkpoint says of its run."""
    facts = {key: config[key] for key in STORED} | {
        "loss": config["task"].get("loss"),
        "trainable_parts": config["stage"]["trainable_parts"],
        "optimizer": config["task"]["optimizer"]["_target_"],
        "parts": config["data"].get("parts"),
        "framing": config["data"].get("eval_framing"),
    }
    if config["pipeline"]:
        facts["pipeline"] = self_contained(config["pipeline"], task.pipeline)  # type: ignore[arg-type]
    return facts


def callbacks_of(config: dict[str, Any]) -> list[Callback]:
    if not config["callbacks"].get("checkpoint"):
        raise InputError("callbacks.checkpoint=null would leave nothing of the run: give callbacks.checkpoint.keep=1")
    return [build(node) for node in config["callbacks"].values() if node]


def trainer_of(config: dict[str, Any], callbacks: list[Callback]) -> L.Trainer:
    try:
        return build(config["trainer"])(logger=build(config["logger"]), callbacks=callbacks)
    except MisconfigurationException as error:
        raise InputError(f"Lightning refuses this trainer: {error} Without a GPU take trainer=cpu") from error
