"""Counts against those by hand and torch's own; a recomputation is no work of the model."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from humangen.callbacks.flops import ModelFlops, peak_tflops, shapes
from tests.conftest import tiny_denoiser, tiny_inputs
from tests.unit.tiny import tiny_batch

WIDTH, ROWS = 16, 5
PRODUCT = 2 * ROWS * WIDTH**2


def of_layers(recompute: bool | None = None, **options: bool) -> int:
    """FLOPs of two layers, the first checkpointed with torch's `use_reentrant`, or not (None)."""
    torch.manual_seed(0)
    first, second = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh()), nn.Linear(WIDTH, WIDTH)
    middle = first if recompute is None else partial(checkpoint, first, use_reentrant=recompute)
    with ModelFlops(**options) as counted:
        second(middle(torch.ones(ROWS, WIDTH, requires_grad=True))).sum().backward()
    return counted.total


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_is_computed_again_is_left_out(reentrant: bool) -> None:
    assert of_layers() == 2 * 3 * PRODUCT
    assert of_layers(reentrant) == of_layers()
    assert of_layers(reentrant, recomputed=True) == of_layers() + PRODUCT


def test_a_frozen_layer_has_no_gradient_of_its_weights() -> None:
    frozen, trained = nn.Linear(WIDTH, WIDTH).requires_grad_(False), nn.Linear(WIDTH, WIDTH)
    with ModelFlops() as counted:
        frozen(trained(torch.ones(ROWS, WIDTH))).sum().backward()
    assert counted.total == (2 + 2) * PRODUCT


def test_attention_counts_its_scores() -> None:
    query, key = torch.randn(2, 3, 7, WIDTH), torch.randn(2, 3, 11, WIDTH)
    with ModelFlops() as counted:
        scaled_dot_product_attention(query, key, key)
    assert counted.total == 2 * 2 * (2 * 3) * 7 * 11 * WIDTH


def loss_of_network() -> Tensor:
    network = tiny_denoiser().train()
    loss = network(*tiny_inputs()).square().mean()
    loss.backward()
    return loss


def test_a_network_counts_as_torch_does_and_computes_the_same_bits() -> None:
    torch.manual_seed(0)
    plain = loss_of_network()
    torch.manual_seed(0)
    with ModelFlops() as counted:
        watched = loss_of_network()
    with FlopCounterMode(display=False) as torchs:
        loss_of_network()
    assert counted.total == torchs.get_total_flops() > 0
    assert torch.equal(plain, watched)


def test_shapes_tell_batches_apart() -> None:
    assert shapes(tiny_batch(["a", "b"])) == shapes(tiny_batch(["c", "d"]))
    assert shapes(tiny_batch(["a", "b"])) != shapes(tiny_batch(["a"]))
    assert shapes(tiny_batch(["a"], 2)) != shapes(tiny_batch(["a"], 1))


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", "bf16-mixed", 312),
        ("NVIDIA A100 80GB PCIe", "16-mixed", 312),
        ("NVIDIA H100 80GB HBM3", "bf16-mixed", 989),
        ("NVIDIA H100 PCIe", "bf16-true", 756),
        ("NVIDIA H100 NVL", "bf16-mixed", 835),
        ("NVIDIA H200", "bf16-mixed", 989),
        ("NVIDIA H200 NVL", "bf16-mixed", 835),
        ("NVIDIA L40S", "bf16-mixed", 362),
        ("NVIDIA L4", "bf16-mixed", 121),
        ("NVIDIA A40", "bf16-mixed", 149.7),
        ("NVIDIA A10", "bf16-mixed", 125),
        ("NVIDIA GeForce RTX 4090", "bf16-mixed", 165.2),
        ("NVIDIA GeForce RTX 4090", "32-true", 82.6),
        ("NVIDIA A100-SXM4-40GB", "32-true", 156),
        ("NVIDIA A100-SXM4-40GB", "64-true", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16-mixed", None),
        ("NVIDIA A10G", "bf16-mixed", None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "bf16-mixed", None),
        ("", "bf16-mixed", None),
    ],
)
def test_a_cards_peak(name: str, precision: str, peak: float | None) -> None:
    assert peak_tflops(name, precision) == peak


def test_float32_without_tf32_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    assert peak_tflops("NVIDIA A100-SXM4-40GB", "32-true") == 19.5
