"""What one sampling step costs: each way to look at the reference, against the same U-Net without one.

`plain` sees no reference; `cached` reads what `read` computed once for all steps; `causal_uncached` reads the
reference anew in every step, as `full` and `canvas` must.
"""

from __future__ import annotations

from functools import partial

import torch

import denoisers
import timing
from humangen.cli.errors import reported


@reported
def main() -> None:
    parser = timing.parser(__doc__, repeats=20)
    denoisers.add_arguments(parser, batch=4)
    options = parser.parse_args()
    device, dtype = timing.choose_device(options.device), denoisers.DTYPES[options.dtype]

    parts = denoisers.build_parts(options.model)
    causal, full, canvas = (
        denoisers.join_parts(mask, parts).to(device, dtype).eval() for mask in ("causal", "full", "canvas")
    )
    noisy, timestep, condition, reference = denoisers.random_inputs(
        options, parts["unet"], references=options.batch, device=device, dtype=dtype
    )
    with torch.inference_mode():
        cache = causal.read(reference)
        steps = {
            "plain": partial(causal, noisy, timestep, condition, None),
            "cached": partial(causal, noisy, timestep, condition, cache),
            "causal_uncached": partial(causal, noisy, timestep, condition, reference),
            "full": partial(full, noisy, timestep, condition, reference),
            "canvas": partial(canvas, noisy, timestep, condition, reference),
            "read": partial(causal.read, reference),
        }
        rows = timing.measure(
            {name: partial(timing.timed, step, device) for name, step in steps.items()},
            baseline="plain",
            repeats=options.repeats,
            warmup=options.warmup,
        )
        for name, step in steps.items():
            rows[name]["parameters"] = denoisers.count_parameters(causal)
            rows[name].update(timing.peak_memory(step, device))
    timing.report(options, rows, name="step", baseline="plain", device=device)


if __name__ == "__main__":
    main()
