"""kill -9 at any moment, and the same command again: the same bytes as without, and nothing done twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.data_prep.drawn import clip_folder, contents

ROOT = Path(__file__).parents[2]
STAGES = ("probe", "cut", "person", "pose", "transcode")

pytestmark = pytest.mark.slow


def command(raw: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "data_prep", "tiktok", "--input", str(raw), "--output", str(out), *more]


def begun(raw: Path, out: Path, *more: str) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(raw, out, *more), cwd=ROOT, text=True, start_new_session=True, **quiet)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips, one of which is broken, and one in which nobody is."""
    folder = tmp_path_factory.mktemp("killed") / "raw"
    for number in (*range(1, 11), 335, 336):
        clip_folder(folder / f"{number:03d}", 40, 96, 64, seed=number)
    (folder / "004" / "000030.png").write_bytes(b"nothing")
    for path in (folder / "007" / "openpose_json").glob("*.json"):
        path.write_text("[]")
    return folder


@pytest.fixture(scope="module")
def unbroken(raw: Path) -> Path:
    out = raw.with_name("unbroken")
    subprocess.run(command(raw, out), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return out


def results(out: Path) -> dict[str, int]:
    """The stages' results, and when they were written."""
    return {
        path.relative_to(out).as_posix(): path.stat().st_mtime_ns
        for stage in STAGES
        for path in (out / ".prep" / stage).glob("*")
        if not path.name.startswith(".")
    }


def half_done(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if path.name.startswith(".") and path.name != ".prep"]


def test_two_workers_write_the_same_bytes(raw: Path, unbroken: Path) -> None:
    out = raw.with_name("two")
    subprocess.run(command(raw, out, "--workers", "2"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert contents(out) == contents(unbroken)
    assert {path.name for path in unbroken.iterdir()} >= {"train", "test", "ledger.jsonl"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_at_ten_moments(raw: Path, unbroken: Path, tmp_path: Path, workers: str) -> None:
    out, chance, done, whole = tmp_path / "out", random.Random(int(workers)), {}, len(results(unbroken))
    for moment in range(10):
        run = begun(raw, out, "--workers", workers)
        wanted = len(done) + chance.randint(1, 2 * (whole - len(done)) // (11 - moment) + 1)
        deadline = time.monotonic() + 300
        while run.poll() is None and len(results(out)) < min(wanted, whole) and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.random() / 20)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        after = results(out)
        assert {path: after.get(path) for path in done} == done, f"done again after kill {moment}"
        done = after
    last = begun(raw, out, "--workers", workers)
    _, told = last.communicate(timeout=300)
    assert (last.returncode, told) == (0, "")
    assert {path: when for path, when in results(out).items() if path in done} == done
    assert contents(out) == contents(unbroken)
    assert not half_done(out)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_with_one_line(raw: Path, unbroken: Path, tmp_path: Path, workers: str) -> None:
    """To the whole group of processes, as a terminal sends it."""
    out = tmp_path / "out"
    run = begun(raw, out, "--workers", workers)
    deadline = time.monotonic() + 300
    while not list((out / ".prep" / "transcode").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert (run.returncode, told) == (130, "stopped; the same command goes on where this one ended\n")
    assert time.monotonic() - began < 30
    done = results(out)
    again = begun(raw, out, "--workers", workers)
    assert again.communicate(timeout=300)[1] == ""
    assert {path: when for path, when in results(out).items() if path in done} == done
    assert contents(out) == contents(unbroken)


def workers_of(run: subprocess.Popen, out: Path) -> list[int]:
    """The processes that it has begun, once they are at work."""
    deadline = time.monotonic() + 300
    while not list((out / ".prep" / "probe").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    listed = subprocess.check_output(["ps", "-ww", "-o", "pid=,args=", "--ppid", str(run.pid)], text=True)
    return [int(line.split()[0]) for line in listed.splitlines() if "spawn_main" in line]


def test_workers_end_with_the_one_that_began_them(raw: Path, tmp_path: Path) -> None:
    run = begun(raw, tmp_path / "out", "--workers", "2")
    workers = workers_of(run, tmp_path / "out")
    assert len(workers) == 2
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def test_a_worker_that_dies_is_no_traceback(raw: Path, unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = begun(raw, out, "--workers", "2")
    os.kill(workers_of(run, out)[0], signal.SIGKILL)
    _, told = run.communicate(timeout=300)
    assert run.returncode == 2
    assert told.startswith("error: a worker process was ended")
    assert told.count("\n") == 1
    assert begun(raw, out).wait(timeout=300) == 0
    assert contents(out) == contents(unbroken)
