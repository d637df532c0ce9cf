"""How much a training step computes, and how much a card could."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# TFLOP/s without sparsity, from NVIDIA's data sheets: bfloat16 and float16 (summed in float32), TF32, float32.
# Lightning's own table gives some cards with sparsity, some without tensor cores, and does not know an H200's name.
PEAKS = (
    (r"\bB200\b", (2250, 1125, 75)),
    (r"\bH[12]00 NVL\b", (835, 418, 60)),
    (r"\bH100 PCIe\b", (756, 378, 51)),
    (r"\b(H100 80GB HBM3|H200|GH200)\b", (989, 495, 67)),
    (r"\bA100\b", (312, 156, 19.5)),
    (r"\bA40\b", (149.7, 74.8, 37.4)),
    (r"\bA10\b", (125, 62.5, 31.2)),
    (r"\bL40S\b", (362, 183, 91.6)),
    (r"\bL40\b", (181, 90.5, 90.5)),
    (r"\bL4\b", (121, 60, 30.3)),
    (r"\bRTX 6000 Ada\b", (364, 182, 91.1)),
    (r"\bRTX A6000\b", (154.8, 77.4, 38.7)),
    (r"\bRTX 5090$", (209.5, 104.8, 104.8)),
    (r"\bRTX 4090$", (165.2, 82.6, 82.6)),
    (r"\bRTX 3090$", (71, 35.6, 35.6)),
)


def peak_tflops(name: str, precision: str) -> float | None:
    """TFLOP/s of a whole card at most, by the name that CUDA tells and Lightning's name of a precision; None where it
    is not known. Convolutions in float32 use TF32 unless they are told not to, and count as that."""
    if "MIG" in name.split():
        return None
    found = next((peaks for pattern, peaks in PEAKS if re.search(pattern, name)), None)
    if found is None or precision.split("-")[0] not in ("bf16", "16", "32"):
        return None
    half, tf32, full = found
    if not precision.startswith("32"):
        return half
    return tf32 if torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32 else full


class ModelFlops(TorchDispatchMode):
    """Counts in `total` the floating point operations inside it that a model needs, two per multiply-add: matrix
    products, convolutions and attention, forward and backward, by torch's formulas. What else there is (norms,
    activations, optimiser) has none and weighs little. What gradient checkpointing computes again is no use to the
    model and is left out, so that a utilisation says what all the memory would have brought as well.

    torch's own `FlopCounterMode` counts that too, and follows modules with hooks that a recomputation breaks off.
    """

    def __init__(self, *, recomputed: bool = False) -> None:
        super().__init__()
        self.total = 0
        self.recomputed = recomputed  # whether to count it all the same: what the device does

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula and (self.recomputed or not recomputing()):
            self.total += formula(*args, **(kwargs or {}), out_val=result)
        return result


def recomputing() -> bool:
    """Whether a backward pass runs a forward one, which alone has gradients enabled there."""
    return torch._C._current_graph_task_id() != -1 and torch.is_grad_enabled()


def shapes(batch: Any) -> tuple[Any, ...]:
    """What the work on a batch depends on: the names and shapes of its tensors."""
    return tuple((name, value.shape) for name, value in vars(batch).items() if isinstance(value, Tensor))
