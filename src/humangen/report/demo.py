"""`python -m humangen.report.demo FOLDER`: one result of the demo from those of its parts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from humangen.evaluation import write_result


def main(folder: Path) -> None:
    """The shipped weights' result, with `from_scratch` beside the floors, the seconds of training and
    scoring, and the most memory that one of these processes held."""
    shipped, from_scratch, training = (
        json.loads((folder / path).read_text())
        for path in ("shipped/result.json", "from_scratch/result.json", "from_scratch/training.json")
    )
    parts = (shipped, from_scratch, training)
    write_result(
        folder / "result.json",
        shipped
        | {
            "from_scratch": from_scratch["scores"] | {"steps": training["steps"]},
            "seconds": sum(part["seconds"] for part in parts),
            "peak_memory_gb": max(part["peak_memory_gb"] for part in parts),
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
