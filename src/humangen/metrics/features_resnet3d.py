"""The 3D ResNet-50 (shortcut B) whose pooled features FID-VID compares; named as its published file names it."""

from __future__ import annotations

from torch import Tensor, nn

BLOCKS, WIDTHS = (3, 4, 6, 3), (64, 128, 256, 512)
GROWTH = 4  # of the channels, in a bottleneck


class Bottleneck(nn.Module):
    """1x1x1, 3x3x3 with the stride, 1x1x1, and the input added."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = GROWTH * width
        self.conv1, self.bn1 = nn.Conv3d(inputs, width, 1, bias=False), nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3, self.bn3 = nn.Conv3d(width, outputs, 1, bias=False), nn.BatchNorm3d(outputs)
        self.relu = nn.ReLU()
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv3d(inputs, outputs, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet3D(nn.Module):
    """`forward`: segments (S, 3, 16, 112, 112) -> features (S, 2048) before the classifier, which is loaded only
    because the file holds it."""

    def __init__(self, classes: int = 400) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, WIDTHS[0], 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm3d(WIDTHS[0]), nn.ReLU()
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        inputs = WIDTHS[0]
        for number, (blocks, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), start=1):
            first = Bottleneck(inputs, width, stride=1 if number == 1 else 2)
            inputs = GROWTH * width
            layer = nn.Sequential(first, *(Bottleneck(inputs, width, stride=1) for _ in range(blocks - 1)))
            setattr(self, f"layer{number}", layer)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, segments: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(segments))))
        for number in range(1, len(BLOCKS) + 1):
            x = getattr(self, f"layer{number}")(x)
        return x.mean((-3, -2, -1))
