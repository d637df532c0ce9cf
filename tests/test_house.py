"""The rules of the house, read from the sources."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "humangen"
ENTRIES = [ROOT / "train.py", ROOT / "evaluate.py"]
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "data_prep").rglob("*.py"), *ENTRIES])
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# each layer may import itself and those before it
LAYERS = [
    {"types", "media", "doing", "checkpoint_files"},
    {"attention", "pose", "diffusion", "metrics"},
    {"models", "data"},
    {"inference", "tasks", "strategies", "zero", "deepspeed_folder"},
    {"callbacks"},
    {
        "beginnings",
        "build",
        "cases",
        "checkpoint",
        "diffusers_pipeline",
        "evaluation",
        "export",
        "foreign",
        "objective",
        "predictions",
        "report",
        "resolvers",
        "runs",
        "sweeps",
        "training",
    },
    {"cli", "entry"},
]
PREPARATION = (  # what data_prep may import
    "data.arrays",
    "data.schema",
    "data.framing",
    "data.index",
    "data.pipe",
    "data.dancers",
    "data.parsers",
    "data.masks",
    "data.regions",
    "pose",
    "media",
    "types",
)
ENCODING = ("data.latents", "data.stream", "models.codec", "models.image_encoder", "models.pretrained")
ALSO = {"data_prep/latents.py": ENCODING}  # and one of its files besides
# where each big library comes in: files and folders below the root
DOORS = {
    "hydra": ("train.py", "evaluate.py", "src/humangen/build.py", "src/humangen/entry.py"),
    "omegaconf": ("train.py", "evaluate.py", "src/humangen/entry.py"),
    "webdataset": ("src/humangen/data/stream.py", "src/humangen/data/tars.py", "data_prep/shards.py"),
    "diffusers": (
        "src/humangen/models/",
        "src/humangen/diffusion/schedule.py",
        "src/humangen/diffusers_pipeline.py",
    ),
    "transformers": ("src/humangen/models/",),
    "lightning": (
        "src/humangen/tasks/",
        "src/humangen/callbacks/",
        "src/humangen/strategies.py",
        "src/humangen/zero.py",
        "src/humangen/deepspeed_folder.py",
        "src/humangen/data/module.py",
        "src/humangen/data/animation.py",
        "src/humangen/data/tryon.py",
        "src/humangen/training.py",
    ),
    "deepspeed": ("src/humangen/zero.py",),
    "gradio": ("src/humangen/cli/app.py",),
    "mediapipe": ("src/humangen/pose/mediapipe.py",),
    "rtmlib": ("src/humangen/pose/dwpose.py",),
    "onnxruntime": ("src/humangen/pose/dwpose.py", "src/humangen/metrics/identity_faces.py"),
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, anywhere in it; `from a import b` gives a.b."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner(name: str) -> str | None:
    """What is behind `humangen.`, if it is that."""
    return name.removeprefix("humangen.") if name.startswith("humangen.") else None


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer(part: str) -> int:
    found = [number for number, names in enumerate(LAYERS) if part in names]
    assert found, f"humangen.{part} has no layer"
    return found[0]


@pytest.mark.parametrize("path", [path for path in SOURCES if PACKAGE in path.parents], ids=relative)
def test_layers_import_only_what_lies_below(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part == "__init__":
        assert not list(imports(path))
        return
    above = [
        name
        for name in imports(path)
        if name.startswith("data_prep") or (inner(name) and layer((inner(name) or "").split(".")[0]) > layer(part))
    ]
    assert not above, f"{relative(path)} imports {', '.join(above)}"


@pytest.mark.parametrize("path", [path for path in SOURCES if "data_prep" in path.parts], ids=relative)
def test_preparation_needs_the_format_and_not_the_models(path: Path) -> None:
    allowed = tuple(f"{name}." for name in (*PREPARATION, *ALSO.get(relative(path), ())))
    for name in imports(path):
        assert not name.startswith("humangen.") or f"{inner(name)}.".startswith(allowed), (
            f"{relative(path)} imports {name}"
        )


@pytest.mark.parametrize("library", DOORS)
def test_each_big_library_has_one_door(library: str) -> None:
    users = {relative(path) for path in SOURCES if path.exists() and library in _libraries(path)}
    strangers = [user for user in users if not user.startswith(DOORS[library])]
    assert not strangers, f"{library} is imported by {', '.join(sorted(strangers))}"


def _libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def test_the_rules_can_be_broken(tmp_path: Path) -> None:
    """An import inside a function counts as well."""
    path = tmp_path / "late.py"
    path.write_text("def late():\n    from humangen.cli import app\n    import gradio.blocks as blocks\n")
    assert list(imports(path)) == ["humangen.cli.app", "gradio.blocks"]
    assert layer("cli") > layer("tasks") > layer("data") > layer("pose") > layer("types")


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=relative)
def test_files_are_short_and_named_for_what_they_do(path: Path) -> None:
    assert path.exists(), f"{relative(path)} is not there"
    assert len(path.read_text().splitlines()) < 250
    assert path.stem not in {"utils", "util", "helpers", "misc", "common"}


def test_a_task_is_only_wiring() -> None:
    for path in (PACKAGE / "tasks").glob("*.py"):
        assert len(path.read_text().splitlines()) < 150, f"{relative(path)} is too long for a wiring diagram"
        arguments = {node.arg for node in ast.walk(tree(path)) if isinstance(node, ast.arg)}
        assert not arguments & {"cfg", "config"}, f"{relative(path)} takes a configuration"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.exists()], ids=relative)
def test_nothing_is_unpickled(path: Path) -> None:
    assert not {"pickle", "cPickle", "dill", "cloudpickle", "joblib"} & _libraries(path)
    for call in (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)):
        options = {option.arg: getattr(option.value, "value", None) for option in call.keywords}
        assert options.get("allow_pickle", False) is False, f"{relative(path)}:{call.lineno} unpickles"
        writes = ast.unparse(call.func).endswith(".save_checkpoint")  # which is told what to keep by the same name
        assert writes or options.get("weights_only", True) is True, f"{relative(path)}:{call.lineno} unpickles"
        if ast.unparse(call.func) == "torch.load":
            assert "weights_only" in options, f"{relative(path)}:{call.lineno} leaves it to a default"


IMPORT_ALL = """
import importlib, pkgutil, humangen
OPTIONAL = {"gradio", "lpips", "mediapipe", "onnxruntime", "rtmlib", "scipy", "torch_fidelity", "torchvision"}
for module in pkgutil.walk_packages(humangen.__path__, "humangen."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name.split(".")[0] not in OPTIONAL:
            raise
"""


def test_importing_writes_no_file(tmp_path: Path) -> None:
    home, fonts = tmp_path / "home", tmp_path / "fonts"
    home.mkdir()
    places = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "HF_HOME")}
    # torchmetrics imports matplotlib, which keeps a list of fonts
    environment = {**os.environ, **places, "MPLCONFIGDIR": str(fonts), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=home, env=environment, check=True, timeout=120)
    assert not list(home.rglob("*"))
