"""Motions: each dance is a ring of key poses, one a beat, with eased steps and a bounce on the beat."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from humangen.data.dancers.skeleton import Pose, Skeleton, build_skeleton

Place = tuple[float, float, float]

# Places of a hand (out, up, forward) in arm lengths from the shoulder.
HANG: Place = (0.25, -0.86, 0.12)
LOW_OUT: Place = (0.6, -0.62, 0.15)
HIP: Place = (0.02, -0.66, 0.12)
SIDE: Place = (0.7, 0.02, 0.25)
HIGH: Place = (0.4, 0.62, 0.15)
HIGH_OUT: Place = (0.6, 0.46, 0.2)
TEMPLE: Place = (0.2, 0.5, 0.18)
CHEST: Place = (-0.3, -0.32, 0.5)
ACROSS: Place = (-0.55, -0.25, 0.5)
ACROSS_LOW: Place = (-0.45, -0.72, 0.35)
CLAP: Place = (-0.3, -0.12, 0.62)
FRONT: Place = (0.05, -0.08, 0.85)
FRONT_LOW: Place = (0.05, -0.55, 0.6)
GUARD: Place = (0.12, -0.08, 0.5)
BACK: Place = (0.25, -0.75, -0.4)

# Places of a foot (out, up, forward) from its place at rest, in figure units.
REST: Place = (0.0, 0.0, 0.0)
WIDE: Place = (0.06, 0.0, 0.0)
STEP: Place = (0.11, 0.0, 0.02)
LIFT: Place = (0.02, 0.13, 0.1)
KICK: Place = (0.1, 0.05, 0.12)
CROSS: Place = (-0.09, 0.0, 0.07)
BEHIND: Place = (-0.07, 0.0, -0.08)


def mirrored(pose: Pose) -> Pose:
    """The pose with left and right exchanged."""
    return Pose(
        yaw=-pose.yaw,
        twist=-pose.twist,
        lean=-pose.lean,
        bow=pose.bow,
        sway=-pose.sway,
        drop=pose.drop,
        head_turn=-pose.head_turn,
        head_tilt=-pose.head_tilt,
        left_hand=pose.right_hand,
        right_hand=pose.left_hand,
        left_foot=pose.right_foot,
        right_foot=pose.left_foot,
    )


def there_and_back(*poses: Pose) -> tuple[Pose, ...]:
    """The poses followed by their mirror images."""
    return (*poses, *(mirrored(pose) for pose in poses))


DANCES: dict[str, tuple[Pose, ...]] = {
    "sway": there_and_back(
        Pose(
            sway=0.04,
            lean=-0.08,
            twist=0.2,
            head_tilt=0.1,
            left_hand=LOW_OUT,
            right_hand=CHEST,
            right_foot=WIDE,
        ),
        Pose(sway=0.0, drop=0.03, left_hand=FRONT_LOW, right_hand=FRONT_LOW, right_foot=WIDE, left_foot=WIDE),
    ),
    "disco": there_and_back(
        Pose(yaw=0.2, sway=-0.03, lean=0.08, left_hand=HIGH_OUT, right_hand=HIP, left_foot=WIDE, head_turn=0.3),
        Pose(yaw=-0.35, twist=-0.2, drop=0.05, sway=0.02, left_hand=ACROSS_LOW, right_hand=HIP, left_foot=WIDE),
    ),
    "twist": there_and_back(
        Pose(
            yaw=0.55,
            twist=-0.75,
            drop=0.06,
            left_hand=GUARD,
            right_hand=SIDE,
            left_foot=WIDE,
            right_foot=WIDE,
        ),
        Pose(yaw=0.1, twist=-0.1, drop=0.03, left_hand=GUARD, right_hand=GUARD, left_foot=WIDE, right_foot=WIDE),
    ),
    "step and clap": there_and_back(
        Pose(sway=0.05, left_hand=LOW_OUT, right_hand=LOW_OUT, left_foot=STEP, lean=0.04),
        Pose(sway=0.04, yaw=0.25, left_hand=CLAP, right_hand=CLAP, right_foot=CROSS, drop=0.03, head_tilt=0.1),
    ),
    "turn": there_and_back(
        Pose(yaw=1.0, twist=0.2, left_hand=SIDE, right_hand=CHEST, left_foot=WIDE, head_turn=-0.2),
        Pose(yaw=0.2, drop=0.05, left_hand=CHEST, right_hand=CHEST),
        Pose(yaw=-0.5, left_hand=HIGH, right_hand=HIGH, right_foot=WIDE, sway=0.02),
    ),
    "wave": there_and_back(
        Pose(
            left_hand=HIGH,
            right_hand=HIGH,
            lean=0.12,
            sway=-0.03,
            twist=0.15,
            left_foot=WIDE,
            right_foot=WIDE,
        ),
        Pose(left_hand=HIGH_OUT, right_hand=TEMPLE, lean=-0.06, drop=0.03, left_foot=WIDE, right_foot=WIDE),
    ),
    "knees up": there_and_back(
        Pose(right_foot=LIFT, left_hand=FRONT_LOW, right_hand=BACK, sway=0.04, yaw=0.3, twist=0.2),
        Pose(drop=0.05, left_hand=GUARD, right_hand=GUARD),
    ),
    "sequence": (
        Pose(left_hand=FRONT, right_hand=HANG, sway=0.02),
        Pose(left_hand=FRONT, right_hand=FRONT, sway=-0.02, drop=0.02),
        Pose(left_hand=ACROSS, right_hand=FRONT, sway=0.02),
        Pose(left_hand=ACROSS, right_hand=ACROSS, sway=-0.02, drop=0.02),
        Pose(left_hand=TEMPLE, right_hand=TEMPLE, sway=0.02),
        Pose(left_hand=HIP, right_hand=HIP, sway=-0.03, lean=0.06),
        Pose(left_hand=HIP, right_hand=HIP, sway=0.03, lean=-0.06, yaw=0.6),
        Pose(left_hand=CLAP, right_hand=CLAP, drop=0.06, yaw=-0.5, right_foot=WIDE),
    ),
    "vogue": there_and_back(
        Pose(yaw=0.7, left_hand=TEMPLE, right_hand=HIP, left_foot=WIDE, sway=-0.03, head_turn=-0.4, lean=0.06),
        Pose(yaw=0.2, left_hand=HIGH, right_hand=TEMPLE, twist=-0.3, head_tilt=-0.12, right_foot=CROSS),
        Pose(yaw=-0.3, left_hand=SIDE, right_hand=HIP, drop=0.06, left_foot=STEP, sway=0.03),
    ),
    "kick": there_and_back(
        Pose(left_foot=KICK, sway=-0.05, lean=-0.06, left_hand=LOW_OUT, right_hand=HIGH_OUT, yaw=0.3),
        Pose(drop=0.06, left_hand=ACROSS, right_hand=ACROSS, left_foot=BEHIND, yaw=-0.2),
    ),
    "lunge": there_and_back(
        Pose(sway=0.05, drop=0.08, left_foot=STEP, right_foot=WIDE, left_hand=SIDE, right_hand=CHEST, yaw=0.5),
        Pose(left_hand=TEMPLE, right_hand=LOW_OUT, yaw=0.1, bow=0.08, left_foot=WIDE),
        Pose(yaw=-0.4, drop=0.03, left_hand=CHEST, right_hand=HIP, right_foot=CROSS),
    ),
}
FREESTYLE = "freestyle"
HELD_SHARE = 0.25  # of a beat is spent still in a key pose


@dataclass(frozen=True)
class Dance:
    """A motion. tempo is in beats a second, phase in beats; amplitude scales poses against the rest pose."""

    name: str
    keys: tuple[Pose, ...]
    tempo: float
    amplitude: float
    phase: float
    bounce: float  # figure units the body sinks on every beat

    @classmethod
    def from_seed(cls, seed: int) -> Dance:
        """The dance of a non-negative seed: one of DANCES, or a freestyle of poses from all of them."""
        if seed < 0:
            raise ValueError(f"a dance's seed must not be negative, got {seed}")
        chooser = np.random.default_rng([seed, 2])
        names = (*DANCES, FREESTYLE)
        name = names[int(chooser.integers(len(names)))]
        keys = DANCES[name] if name in DANCES else freestyle_keys(chooser)
        if chooser.random() < 0.5:
            keys = tuple(mirrored(pose) for pose in keys)
        return cls(
            name=name,
            keys=tuple(varied(pose, chooser) for pose in keys),
            tempo=float(chooser.uniform(1.2, 2.1)),
            amplitude=float(chooser.uniform(0.85, 1.0)),
            phase=float(chooser.uniform(0, len(keys))),
            bounce=float(chooser.uniform(0.006, 0.02)),
        )

    def pose(self, seconds: float) -> Pose:
        """The pose at a time; periodic in len(keys) beats."""
        beats = seconds * self.tempo + self.phase
        index = int(np.floor(beats))
        vectors = [pose_vector(self.keys[(index + offset) % len(self.keys)]) for offset in range(2)]
        share = eased(beats - index)
        rest = pose_vector(Pose())
        vector = rest + self.amplitude * ((1 - share) * vectors[0] + share * vectors[1] - rest)
        sink = self.bounce * (0.5 + 0.5 * float(np.cos(2 * np.pi * beats)))
        groove = 0.04 * float(np.sin(np.pi * beats))
        return pose_from_vector(vector + pose_vector(Pose(drop=sink, head_tilt=groove)) - rest)

    def skeleton(self, seconds: float, shoulder: float = 0.1) -> Skeleton:
        """The joints at a time, for a person with the given half shoulder width in figure units."""
        return build_skeleton(self.pose(seconds), shoulder)


def eased(share: float) -> float:
    """Share of the way to the next key pose at a share of the beat: hold, smooth step, hold."""
    moved = float(np.clip((share - HELD_SHARE / 2) / (1 - HELD_SHARE), 0.0, 1.0))
    return moved**3 * (10 - 15 * moved + 6 * moved**2)


def pose_vector(pose: Pose) -> np.ndarray:
    """All numbers of a pose in field order (20,)."""
    return np.hstack([getattr(pose, field.name) for field in fields(Pose)])


def pose_from_vector(vector: np.ndarray) -> Pose:
    """The inverse of pose_vector."""
    numbers = [float(number) for number in vector]
    places = [(numbers[at], numbers[at + 1], numbers[at + 2]) for at in (8, 11, 14, 17)]
    left_hand, right_hand, left_foot, right_foot = places
    yaw, twist, lean, bow, sway, drop, head_turn, head_tilt = numbers[:8]
    return Pose(yaw, twist, lean, bow, sway, drop, head_turn, head_tilt, left_hand, right_hand, left_foot, right_foot)


def varied(pose: Pose, chooser: np.random.Generator) -> Pose:
    """The pose with small changes of angles and hand places, so that no two seeds dance quite alike."""
    spread = np.array([0.12, 0.08, 0.03, 0.02, 0.008, 0.01, 0.15, 0.04] + [0.06] * 6 + [0.0] * 6)
    return pose_from_vector(pose_vector(pose) + spread * chooser.uniform(-1, 1, spread.size))


def freestyle_keys(chooser: np.random.Generator) -> tuple[Pose, ...]:
    """Eight key poses taken at random from all dances."""
    poses = [pose for keys in DANCES.values() for pose in keys]
    return tuple(poses[int(index)] for index in chooser.choice(len(poses), 8, replace=False))
