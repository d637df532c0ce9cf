"""Metrics that need a network, by name: those that can run here, and for the others which file they lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torchmetrics import Metric

from humangen.metrics import registry_files as files
from humangen.metrics.features import Extractor
from humangen.metrics.features_dancers import DancerClips, DancerFrames
from humangen.metrics.features_inception import Inception, InceptionClean, InceptionPytorch
from humangen.metrics.features_video import I3D, I3DSquashed, ResNetClips
from humangen.metrics.features_vit import Clip, Dino
from humangen.metrics.frechet import FrechetDistance
from humangen.metrics.identity import CosineSimilarity, DetectedFaces, FaceSimilarity
from humangen.metrics.identity_faces import ArcFace
from humangen.metrics.kernel import KernelDistance
from humangen.metrics.perceptual import PerceptualDistance, PerceptualNetwork
from humangen.metrics.pose_error import MissingKeypoints, PoseError, dwpose_keypoints, mediapipe_keypoints
from humangen.metrics.registry_files import WeightFile
from humangen.metrics.registry_store import HERE, MISSING, located, state, weights_folder
from humangen.metrics.samples import SampleScores
from humangen.metrics.video import DRIFT, Windows
from humangen.types import InputError


@dataclass(frozen=True)
class Recipe:
    """`network` takes path and sha256 of each of `files`, in their order; `packages` are what it imports."""

    metric: type[Any]  # a Metric, made of the network
    network: Callable[..., Any]
    files: tuple[WeightFile, ...]
    packages: tuple[str, ...] = ()
    heads: tuple[WeightFile, ...] = ()  # files that the package reads by itself, and that must be the recorded ones


def _lpips(net: str, backbone: WeightFile, heads: WeightFile, *, as_disco: bool = False) -> Recipe:
    network = partial(PerceptualNetwork, net, as_disco=as_disco)
    return Recipe(PerceptualDistance, network, (backbone,), ("lpips", "torchvision"), (heads,))


LPIPS_ALEX = _lpips("alex", files.ALEXNET, files.LPIPS_ALEX)
DWPOSE = dwpose_keypoints, (files.DWPOSE, files.DWPOSE_DETECTOR), ("rtmlib", "onnxruntime")
MEDIAPIPE = mediapipe_keypoints, (files.MEDIAPIPE, files.MEDIAPIPE_DETECTOR), ("mediapipe",)
FACES = ArcFace, (files.ARCFACE, files.FACE_DETECTOR), ("onnxruntime",)
RECIPES = {
    "fid": Recipe(FrechetDistance, Inception, (files.INCEPTION,), ("torch_fidelity",)),
    "fid_pytorch": Recipe(FrechetDistance, InceptionPytorch, (files.INCEPTION,), ("torch_fidelity",)),
    "kid": Recipe(KernelDistance, Inception, (files.INCEPTION,), ("torch_fidelity",)),
    "fid_clean": Recipe(FrechetDistance, InceptionClean, (files.INCEPTION_CLEAN,)),
    "fvd": Recipe(FrechetDistance, I3D, (files.I3D,)),
    "kvd": Recipe(KernelDistance, I3D, (files.I3D,)),
    "fvd_disco": Recipe(FrechetDistance, I3DSquashed, (files.I3D,)),
    "fid_vid": Recipe(FrechetDistance, ResNetClips, (files.RESNET3D,)),
    "lpips_alex": LPIPS_ALEX,
    "lpips_alex_region": LPIPS_ALEX,
    "lpips_alex_outside": LPIPS_ALEX,
    "lpips_vgg": _lpips("vgg", files.VGG16, files.LPIPS_VGG),
    "lpips_vgg_disco": _lpips("vgg", files.VGG16, files.LPIPS_VGG, as_disco=True),
    "clip_i": Recipe(CosineSimilarity, Clip, (files.CLIP,)),
    "dino": Recipe(CosineSimilarity, Dino, (files.DINO,)),
    "garment_fidelity": Recipe(CosineSimilarity, Dino, (files.DINO,)),
    "arcface": Recipe(FaceSimilarity, *FACES),
    "arcface_detected": Recipe(DetectedFaces, *FACES),
    "pose_error": Recipe(PoseError, *DWPOSE),
    "pose_missing": Recipe(MissingKeypoints, *DWPOSE),
    "pose_error_mediapipe": Recipe(PoseError, *MEDIAPIPE),
    "pose_missing_mediapipe": Recipe(MissingKeypoints, *MEDIAPIPE),
    "fd_dancers": Recipe(FrechetDistance, DancerFrames, (files.DANCERS,)),
    "fvd_dancers": Recipe(FrechetDistance, DancerClips, (files.DANCERS,)),
}


def available(
    names: Sequence[str], folder: str | Path | None = None, windows: Windows | None = None
) -> tuple[dict[str, Metric], dict[str, str]]:
    """The metrics of `names` that can run with the files in `folder` (default: see `weights_folder`), and for each of
    the others what its column reads: `unavailable (file X)`. Networks of whole clips look at `windows` of them.

    Metrics of one network share it, and so do copies of a metric, as long as they see the same tensors.
    Raises `InputError` on a name that is not in RECIPES, and where a right file turns out to be unreadable.
    """
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise InputError(f"no metric is called {', '.join(unknown)}; those with a network are {', '.join(RECIPES)}")
    root, lacking = weights_folder(folder), unavailable(names, folder)
    networks: dict[tuple[Any, ...], Any] = {}
    metrics = {}
    for name in names:
        if name not in lacking:
            recipe = RECIPES[name]
            kind = (recipe.network, *recipe.files)
            if kind not in networks:
                networks[kind] = _network(recipe, root)
            if isinstance(networks[kind], Extractor):
                networks[kind].windows = windows
            metrics[name] = recipe.metric(networks[kind])
    return metrics, lacking


def unavailable(names: Sequence[str], folder: str | Path | None = None) -> dict[str, str]:
    """What the columns of those metrics read that cannot run here; no network is read."""
    root = weights_folder(folder)
    return {name: text for name in names if name in RECIPES and (text := _lack(RECIPES[name], root))}


def hashes(name: str) -> dict[str, str]:
    """The sha256 of each file behind a metric, by the file's name."""
    recipe = RECIPES[name]
    return {weight.file: weight.sha256 for weight in (*recipe.files, *recipe.heads)}


def check_drift(names: Sequence[str]) -> None:
    """Raises `InputError` where metrics of RECIPES have no score of a single frame, and so none of a part of a clip."""
    sets = [name for name in names if not issubclass(RECIPES[name].metric, SampleScores)]
    if sets:
        raise InputError(
            f"{', '.join(sets)}: a distance between sets has no value for a frame, and so no temporal_drift_; leave "
            f"{', '.join(DRIFT + name for name in sets)} out of protocol.definition.metrics"
        )


def _network(recipe: Recipe, folder: Path) -> Any:
    given = [(located(weight, folder), weight.sha256) for weight in recipe.files]
    return recipe.network(*(part for pair in given for part in pair))


def _lack(recipe: Recipe, folder: Path) -> str:
    """Why a metric cannot run; nothing if it can."""
    for package in recipe.packages:
        if find_spec(package) is None:
            return f"unavailable (package {package})"
    for weight in (*recipe.heads, *recipe.files):
        found = state(weight, folder)
        if found != HERE:
            return f"unavailable (file {weight.file}{'' if found == MISSING else f': {found}'})"
    return ""
