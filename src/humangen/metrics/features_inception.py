"""Features of FID's Inception network, in its three published forms, which give different numbers."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn.functional import interpolate

from humangen.metrics.features import Extractor, read_tensors, script, squash, to_bytes

SIZE = 299


class Inception(Extractor):
    """torch-fidelity's: frames rounded to bytes, brought to 299 by TensorFlow's bilinear filter of old, 2048 features
    of the last pooling. torchmetrics 1.9 wraps the same network, and by default resizes otherwise for it."""

    dim = 2048

    def __init__(self, file: Path, sha256: str) -> None:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        super().__init__("inception-v3-compat", sha256)
        read_tensors(file)  # torch-fidelity unpickles it: it must hold nothing but tensors
        self.network = FeatureExtractorInceptionV3(self.name, ["2048"], feature_extractor_weights_path=str(file))

    def network_features(self, rows: Tensor) -> Tensor:
        return self.network(to_bytes(rows))[0]


class InceptionPytorch(Inception):
    """pytorch-fid's, by which DisCo and most of human animation are scored: the same network and file, given frames
    that were brought to 299 by today's bilinear filter, which looks at no more than four pixels, and scaled to [-1, 1].
    """

    def __init__(self, file: Path, sha256: str) -> None:
        super().__init__(file, sha256)
        self.name = "inception-v3 pytorch-fid"
        self.layers = nn.Sequential(*[*self.network.children()][:-1])  # all but the classifier

    def network_features(self, rows: Tensor) -> Tensor:
        pixels = interpolate(to_bytes(rows).float() / 255, (SIZE, SIZE), mode="bilinear", align_corners=False)
        return self.layers(2 * pixels - 1).flatten(1)


class InceptionClean(Extractor):
    """clean-fid's: frames rounded to bytes, brought to 299 by PIL's bicubic filter, not rounded again."""

    dim = 2048

    def __init__(self, file: Path, sha256: str) -> None:
        super().__init__("inception-2015-12-05 torchscript", sha256)
        self.network = script(file)

    def network_features(self, rows: Tensor) -> Tensor:
        pixels = squash(to_bytes(rows).float(), SIZE)
        return self.network.layers((pixels - 128) / 128).flatten(1)
