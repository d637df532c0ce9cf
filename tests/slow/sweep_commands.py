"""Real sweeps of tiny trainings, and a SLURM that runs its jobs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.smoke.test_train import TINY

ROOT = Path(__file__).parents[2]
SBATCH = """#!{python}
import os, re, subprocess, sys
script = open(sys.argv[-1]).read()
open(os.environ["FAKE_SLURM"] + "/script.sh", "w").write(script)
asked = dict(re.findall(r"#SBATCH --([a-z-]+)=(\\S+)", script))
ranks = int(asked["ntasks-per-node"]) * int(asked["nodes"])
print("Submitted batch job 77", flush=True)
if os.fork():
    sys.exit()
log = open(os.environ["FAKE_SLURM"] + "/log", "w")
os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2), os.setsid()
first, last = re.match(r"(\\d+)-(\\d+)", asked["array"]).groups()
for number in range(int(first), int(last) + 1):
    job = dict(SLURM_JOB_ID="77%d" % number, SLURM_ARRAY_JOB_ID="77", SLURM_ARRAY_TASK_ID=str(number))
    job |= dict(SLURM_NTASKS=str(ranks), SLURM_NTASKS_PER_NODE=asked["ntasks-per-node"], SLURM_NNODES=asked["nodes"])
    job |= dict(SLURM_JOB_NUM_NODES=asked["nodes"], SLURM_JOB_NODELIST="localhost", SLURM_NODELIST="localhost")
    subprocess.run(["bash", sys.argv[-1]], env={{**os.environ, **job, "SLURM_JOB_NAME": "train"}})
"""
SRUN = """#!{python}
import os, subprocess, sys
command = sys.argv[1:]
while command[0].startswith("--"):
    command = command[1:] if command[0] == "--unbuffered" or "=" in command[0] else command[2:]
ranks = int(os.environ["SLURM_NTASKS"])
places = [dict(SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank), SLURM_NODEID="0") for rank in range(ranks)]
os.environ["SLURM_STEP_NUM_TASKS"] = str(ranks)
processes = [subprocess.Popen(command, env={{**os.environ, **place}}) for place in places]
sys.exit(max(process.wait() for process in processes))
"""
SACCT = "#!/bin/sh\necho 'JobID|State|NodeList'\n"


def sweep(folder: Path, shards: str, *overrides: str, entry: str = "train.py") -> list[str]:
    """The command of a sweep of trainings of two steps."""
    common = [*TINY, shards, "max_steps=2", "trainer.val_check_interval=2"]
    return [sys.executable, entry, "-m", *common, *overrides, f"hydra.sweep.dir={folder}"]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess:
    plain = {"cwd": ROOT, "text": True, "capture_output": True, "timeout": 1800}
    return subprocess.run(command, env={**os.environ, **environment}, **plain)


def states(folder: Path, key: str) -> dict[str, str]:
    """How each job stands, by its value of what the sweep is over."""
    kept = [json.loads(path.read_text()) for path in sorted(folder.rglob("job.json"))]
    return {dict(text.split("=", 1) for text in job["overrides"])[key]: job["state"] for job in kept}


def written(folder: Path) -> dict[Path, int]:
    """When each training came to its end."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("training.json")}


def fake_slurm(folder: Path) -> dict[str, str]:
    """The environment in which there is one."""
    for name, script in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", SACCT)):
        (folder / name).write_text(script.format(python=sys.executable))
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "FAKE_SLURM": str(folder)}
