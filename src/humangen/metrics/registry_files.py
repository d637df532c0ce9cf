"""The files of weights that metrics need: under which name, of what content, from where.

Bytes and sha256 are those of the published files. A licence is what the publisher states: often it speaks of its code
alone, and of the weights says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from humangen.pose.dwpose_files import DETECTOR, POSE, Model, address
from humangen.types import InputError

INSIGHTFACE = "for non-commercial research alone (as insightface's README states)"
TORCHVISION = "terms of the training data may hold (as torchvision's README states); the code is BSD-3-Clause"


@dataclass(frozen=True)
class WeightFile:
    """`name` is what a person types, `file` what it is called in the folder of weights.

    `source` says in words where it comes from; `address` is what can be fetched, if anything can. A file that comes
    inside an installed package lies at `inside`: the package's name, then the path in it.
    """

    name: str
    file: str
    num_bytes: int
    sha256: str
    licence: str
    source: str
    address: str | None = None
    inside: str | None = None

    def packaged(self) -> Path | None:
        """Where the file lies, if a package holds it. Raises `InputError` where that package is not installed."""
        if self.inside is None:
            return None
        package, path = self.inside.split("/", 1)
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise InputError(f"{self.file} is part of the package {package}, which is not installed: run make setup")
        return Path(spec.origin).parent / path


INCEPTION = WeightFile(
    "inception",
    "weights-inception-2015-12-05-6726825d.pth",
    95_628_359,
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    "Apache-2.0 (TensorFlow's weights, as torch-fidelity states)",
    "torch-fidelity v0.2.0, the same bytes as pytorch-fid's pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
)
INCEPTION_CLEAN = WeightFile(
    "inception_clean",
    "inception-2015-12-05.pt",
    95_607_719,
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
    "Nvidia Source Code License, non-commercial (as stylegan2-ada-pytorch's README states); of this file nothing",
    "stylegan2-ada-pytorch, metrics; clean-fid uses it (TorchScript)",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
)
I3D = WeightFile(
    "i3d",
    "i3d_torchscript.pt",
    51_235_320,
    "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
    "Apache-2.0 of kinetics-i3d's code, likely Nvidia's of StyleGAN-V's (as its README states); of the weights nothing",
    "StyleGAN-V (TorchScript)",
    "https://huggingface.co/flateon/FVD-I3D-torchscript/resolve/main/i3d_torchscript.pt",
)
# As one public copy records it. No second one is known, but the size is what a checkpoint of training takes: this
# network's 47,018,576 weights, as many momenta, and its statistics.
RESNET3D = WeightFile(
    "resnet3d",
    "resnet-50-kinetics.pth",
    376_424_414,
    "69b6a070ed1004c3b28a1751d5bc60f7dfd24d145425db32719989544d6dafc9",
    "MIT of kenshohara/3D-ResNets-PyTorch's code, whose README offers the file; of the weights nothing",
    "the 3D ResNet-50 of Kinetics-400 behind DisCo's FID-VID: Google Drive 1J8w3fGj6H6kmcW9G8Ff6tRQofblaG5Vn",
)
ALEXNET = WeightFile(
    "alexnet",
    "alexnet-owt-7be5be79.pth",
    244_408_911,
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    TORCHVISION,
    "torchvision, AlexNet of ImageNet",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
)
VGG16 = WeightFile(
    "vgg16",
    "vgg16-397923af.pth",
    553_433_881,
    "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    TORCHVISION,
    "torchvision, VGG-16 of ImageNet",
    "https://download.pytorch.org/models/vgg16-397923af.pth",
)
LPIPS_ALEX = WeightFile(
    "lpips_alex",
    "alex.pth",
    6_009,
    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "BSD (as the package lpips states)",
    "in the package lpips: its linear heads v0.1",
    inside="lpips/weights/v0.1/alex.pth",
)
LPIPS_VGG = WeightFile(
    "lpips_vgg",
    "vgg.pth",
    7_289,
    "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "BSD (as the package lpips states)",
    "in the package lpips: its linear heads v0.1",
    inside="lpips/weights/v0.1/vgg.pth",
)
CLIP = WeightFile(
    "clip",
    "clip-vit-base-patch32.bin",
    605_247_071,
    "a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
    "MIT of openai/CLIP's code; of the weights nothing, but their model card holds any deployed use out of scope",
    "openai/clip-vit-base-patch32 on the Hugging Face hub, pytorch_model.bin",
    "https://huggingface.co/openai/clip-vit-base-patch32/resolve/main/pytorch_model.bin",
)
DINO = WeightFile(
    "dino",
    "dino_deitsmall16_pretrain.pth",
    86_710_517,
    "1566d50496f27f52f07fea6094fa29b2fdd6fae89da65bdd3ebc3b24ef6b7eb7",
    "Apache-2.0 (as facebookresearch/dino's README states), of the weights too (as its author believes, issue 108)",
    "DINO, ViT-S/16",
    "https://dl.fbaipublicfiles.com/dino/dino_deitsmall16_pretrain/dino_deitsmall16_pretrain.pth",
)
ARCFACE = WeightFile(
    "arcface",
    "w600k_r50.onnx",
    174_383_860,
    "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
    INSIGHTFACE,
    "insightface v0.7, out of buffalo_l.zip: https://github.com/deepinsight/insightface/releases/tag/v0.7",
)
FACE_DETECTOR = WeightFile(
    "face_detector",
    "det_10g.onnx",
    16_923_827,
    "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
    INSIGHTFACE,
    "insightface v0.7, out of buffalo_l.zip: https://github.com/deepinsight/insightface/releases/tag/v0.7",
)


def _dwpose(name: str, model: Model) -> WeightFile:
    """The same files as `data_prep --pose dwpose` takes."""
    licence, source = "Apache-2.0 (as the card of yzd-v/DWPose states)", "DWPose on the Hugging Face hub"
    return WeightFile(name, model.name, model.num_bytes, model.sha256, licence, source, address(model))


DWPOSE, DWPOSE_DETECTOR = _dwpose("dwpose", POSE), _dwpose("dwpose_detector", DETECTOR)
MEDIAPIPE = WeightFile(
    "mediapipe",
    "pose_landmark_full.tflite",
    6_440_512,
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "Apache-2.0",
    "in the package mediapipe 0.10",
    inside="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
)
MEDIAPIPE_DETECTOR = WeightFile(
    "mediapipe_detector",
    "pose_detection.tflite",
    2_959_046,
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "Apache-2.0",
    "in the package mediapipe 0.10",
    inside="mediapipe/modules/pose_detection/pose_detection.tflite",
)
DANCERS = WeightFile(
    "dancers",
    "features.safetensors",
    938_760,
    "a951ca66f9f22377b2ae0e2494d7f3ab2e1c1d40e3a30f4b95851047438e17cb",
    "Apache-2.0",
    "in this package, trained on drawn people: weights/dancer_features/CARD.md",
    inside="humangen/weights/dancer_features/features.safetensors",
)

FILES = {
    each.name: each
    for each in (
        INCEPTION, INCEPTION_CLEAN, I3D, RESNET3D, ALEXNET, VGG16, LPIPS_ALEX, LPIPS_VGG, CLIP, DINO, ARCFACE,
        FACE_DETECTOR, DWPOSE, DWPOSE_DETECTOR, MEDIAPIPE, MEDIAPIPE_DETECTOR, DANCERS,
    )
}  # fmt: skip
