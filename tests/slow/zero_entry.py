"""train.py as it is, without DeepSpeed's compiling: python -m tests.slow.zero_entry OVERRIDES, under torchrun."""

from __future__ import annotations

import runpy

from tests.slow.ranks_train import skip_compiling

if __name__ == "__main__":
    skip_compiling()
    runpy.run_path("train.py", run_name="__main__")
