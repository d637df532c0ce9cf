"""Every benchmark runs with tiny arguments, prints its table and writes its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.profiler import ProfilerActivity, profile

ROOT = Path(__file__).parents[2]
SMALL = ["--size", "32", "--repeats", "2", "--warmup", "1"]
STEPS = {"plain", "cached", "causal_uncached", "full", "canvas", "read", "referencenet"}
CASES = {
    "step": (["step.py", *SMALL, "--batch", "1"], STEPS),
    "step-clip": (["step.py", *SMALL, "--batch", "1", "--frames", "2", "--dtype", "bfloat16"], STEPS),
    "step-layout": (["step.py", *SMALL, "--batch", "1", "--layout", "channels_last"], STEPS),
    "train": (["train.py", *SMALL, "--batch", "3"], {"plain", "causal_1", "causal_3", "full", "canvas"}),
    "ddp": (["ddp.py", *SMALL, "--batch", "1"], {"alone", "apart", "ddp", "fsdp"}),
    "loader": (
        ["loader.py", *SMALL, "--clips", "4", "--batch", "1", "--batches", "2"],
        {"decord", "pyav", "workers_0", "workers_1", "workers_2", "workers_4", "latents"},
    ),
    "loader-clip": (
        ["loader.py", *SMALL, "--clips", "2", "--batch", "1", "--batches", "2", "--frames", "4", "--workers", "3"],
        {"decord", "pyav", "workers_0", "workers_3", "latents"},
    ),
    "metrics": (
        ["metrics.py", *SMALL, "--clips", "2"],
        {"psnr", "ssim", "l1", "ssim_disco", "l1_disco", "psnr_wrapped", "dtssd", "all", "region"},
    ),
    "prep": (["prep.py", *SMALL, "--frames", "4"], {"decode", "probe", "cut", "person", "pose", "transcode"}),
}

pytestmark = pytest.mark.slow


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("case", CASES)
def test_writes_its_figures(case: str, tmp_path: Path) -> None:
    command, variants = CASES[case]
    output = tmp_path / "result.json"
    finished = run(*command, "--output", str(output))
    assert finished.returncode == 0, finished.stderr
    result = json.loads(output.read_text())
    assert set(result["variants"]) - {"torchcodec"} == variants
    assert all(variant in finished.stdout for variant in variants)
    assert result["variants"][result["baseline"]]["ratio"] == 1
    for row in result["variants"].values():
        assert row["seconds"] > 0
        assert row["spread"] >= 0
        assert row["ratio"] > 0
    assert set(result["machine"]) >= {"cpu", "cores", "torch", "threads"}
    assert result["arguments"]["repeats"] == 2


def test_flops_are_what_each_way_should_cost(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    assert run("step.py", *SMALL, "--batch", "1", "--output", str(output)).returncode == 0
    rows = json.loads(output.read_text())["variants"]
    flops = {name: row["flops"] for name, row in rows.items()}
    # of 32x32 pixels: three self-attention layers of 16 tokens, 96 wide, and four of 4 tokens, 144 wide
    scores = 4 * (3 * 16**2 * 96 + 4 * 4**2 * 144)
    projections = 4 * (3 * 16 * 96**2 + 4 * 4 * 144**2)  # to keys and values
    assert flops["cached"] == flops["plain"] + scores
    assert flops["causal_uncached"] == 2 * flops["plain"] + scores
    assert flops["full"] == 2 * flops["plain"] + 2 * scores
    assert flops["read"] == flops["plain"]
    assert flops["referencenet"] == flops["cached"] + projections
    assert rows["cached"]["parameters"] < rows["referencenet"]["parameters"] < 2 * rows["cached"]["parameters"]


def test_stable_diffusion_is_the_model_of_large_pictures(
    benchmarks: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import step

    monkeypatch.setattr(sys, "argv", ["step.py", "--size", "512", "--batch", "1"])
    options = step.parse()
    assert options.model == "sd15"
    flops = step.count_flops(options)
    # a U-Net with 1 token takes 796.8 GFLOP of 803.3 with 77, and scores of a reference take 122.5 of them
    pose_encoder = 14.8e9
    assert flops["plain"] == pytest.approx(796.8e9 + pose_encoder, rel=1e-3)
    assert flops["cached"] - flops["plain"] == pytest.approx(122.5e9, rel=1e-3)


def test_memory_fits_or_not(tmp_path: Path) -> None:
    output = tmp_path / "memory.json"
    arguments = ["--size", "64", "--frames", "4", "--pairs", "1", "2", "--clips", "1"]
    finished = run("memory.py", *arguments, "--output", str(output))
    assert finished.returncode == 0, finished.stderr
    rows = json.loads(output.read_text())["variants"]
    assert set(rows) == {
        f"{name}{ending}" for name in ("image_1", "image_2", "clip_1") for ending in ("", "_checkpointed")
    }
    assert all(name in finished.stdout for name in rows)
    for name, row in rows.items():
        assert row["gradient_bytes"] == pytest.approx(4 * row["trained"], rel=0.01)
        assert row["state_bytes"] == pytest.approx(8 * row["trained"], rel=0.01)
        again = row["computed_flops"] - row["flops"]
        assert 0 < again < row["flops"] / 3 if name.endswith("_checkpointed") else again == 0
        assert row["peak_8bit_bytes"] < row["peak_fused_bytes"] <= row["peak_bytes"]
        if name.endswith("_checkpointed"):
            assert row["activation_bytes"] < rows[name.removesuffix("_checkpointed")]["activation_bytes"]


def test_memory_and_speed_by_strategy(tmp_path: Path) -> None:
    output = tmp_path / "scale.json"
    arguments = ["--model", "tiny", "--sizes", "64", "128", "--pairs", "2", "--card", "NVIDIA L40S"]
    finished = run("scale.py", *arguments, "--utilization", "0.5", "--output", str(output))
    assert finished.returncode == 0, finished.stderr
    rows = json.loads(output.read_text())["variants"]
    for size in (64, 128):
        single, ddp, fsdp = (rows[f"{size}, {name}"] for name in ("single, 1 GPU", "ddp, 8 GPUs", "fsdp, 8 GPUs"))
        assert single["samples_per_second"] == pytest.approx(0.5 * 362e12 / single["computed_flops"])
        assert ddp["samples_per_second"] == pytest.approx(8 * single["samples_per_second"])
        assert fsdp["samples_per_second"] == ddp["samples_per_second"]
        assert fsdp["peak_bytes"] < single["peak_bytes"] <= ddp["peak_bytes"]
    assert rows["128, single, 1 GPU"]["flops"] > 3.9 * rows["64, single, 1 GPU"]["flops"]


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks' modules can be imported."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def saved_bytes(networks: Any, pictures: Any, dtype: torch.dtype) -> int:
    """What autograd says that it keeps of a forward pass, weights aside."""
    import memory

    weights = {each.untyped_storage()._cdata for network in networks for each in network.parameters()}
    saved = {}

    def keep(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = memory.forward(networks, pictures, dtype)
    assert loss.requires_grad
    return sum(size for place, size in saved.items() if place not in weights)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("stage", "frames"), [("image", 1), ("clip", 4)])
def test_activations_are_what_autograd_keeps_of_real_tensors(
    benchmarks: None, stage: str, frames: int, dtype: str
) -> None:
    import account
    import denoisers
    import memory

    options = Namespace(model="tiny", size=64, dtype=dtype)
    row = memory.training_bytes(options, stage=stage, clips=2, frames=frames, checkpointed=False)
    networks = memory.build_networks("tiny", stage=stage, checkpointed=False)
    for network in networks:
        account.normalise_in_float32(network)
    kept = saved_bytes(networks, memory.random_pictures(2, frames, 64), denoisers.DTYPES[dtype])
    assert row["activation_bytes"] == pytest.approx(kept, rel=0.002)


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.parametrize(("stage", "frames"), [("image", 1), ("clip", 4)])
def test_peaks_are_those_of_the_allocator(benchmarks: None, stage: str, frames: int, checkpointed: bool) -> None:
    import memory

    options = Namespace(model="tiny", size=128, dtype="float32")
    row = memory.training_bytes(options, stage=stage, clips=2, frames=frames, checkpointed=checkpointed)
    networks = memory.build_networks("tiny", stage=stage, checkpointed=checkpointed)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        memory.forward(networks, memory.random_pictures(2, frames, 128), torch.float32).backward()
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    resident = row["weight_bytes"] + row["average_bytes"] + row["state_bytes"]
    assert row["peak_fused_bytes"] - resident == pytest.approx(max(accumulate(changes)), rel=0.01)


class FlashAttention(TorchFunctionMode):
    """CUDA's choice of kernel, which fake tensors cannot make where there is no CUDA."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is scaled_dot_product_attention:
            return torch.ops.aten._scaled_dot_product_flash_attention(*(each.bfloat16() for each in args))[0]
        return func(*args, **(kwargs or {}))


@pytest.fixture
def cuda_autocast() -> Iterator[None]:
    """`torch.autocast("cuda")`, which switches itself off where there is no CUDA."""
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    torch.set_autocast_enabled("cuda", True)
    yield
    torch.set_autocast_enabled("cuda", False)
    torch.clear_autocast_cache()


@pytest.mark.parametrize(("stage", "frames"), [("image", 1), ("clip", 4)])
def test_the_cpu_keeps_what_autocast_on_cuda_would(
    benchmarks: None, cuda_autocast: None, stage: str, frames: int
) -> None:
    import memory

    options = Namespace(model="tiny", size=64, dtype="bfloat16")
    row = memory.training_bytes(options, stage=stage, clips=2, frames=frames, checkpointed=False)
    with FakeTensorMode(), torch.device("cuda"), FlashAttention():
        networks = memory.build_networks("tiny", stage=stage, checkpointed=False)
        kept = saved_bytes(networks, memory.random_pictures(2, frames, 64), torch.bfloat16)
    assert row["activation_bytes"] == pytest.approx(kept, rel=0.002)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["step.py", "--size", "30"], "multiple of 8"),
        (["step.py", "--frames", "33"], "at most 32 frames"),
        (["memory.py", "--size", "30"], "multiples of 8"),
        (["train.py", "--batch", "4"], "cannot be shared out at 3 per reference"),
        (["loader.py", "--shards", "nowhere"], "no shards in nowhere"),
        (["scale.py", "--card", "GeForce 256"], "peak of GeForce 256 is not known"),
        (["scale.py", "--utilization", "40"], "no share of the peak"),
    ],
)
def test_says_what_is_wrong_in_a_sentence(command: list[str], sentence: str) -> None:
    finished = run(*command)
    assert finished.returncode == 2
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr
