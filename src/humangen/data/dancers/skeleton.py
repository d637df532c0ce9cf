"""A small 3D skeleton: a pose in, joints out.

Figure units (sole to crown = 1); x to the picture's right, which is the person's left when facing the camera,
y up from the floor, z towards the camera. Hands and feet are targets, elbows and knees follow from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UPPER_ARM, FOREARM, HAND = 0.15, 0.135, 0.072
THIGH, SHIN, ANKLE_HEIGHT, FOOT = 0.235, 0.225, 0.04, 0.085
SPINE, NECK_TO_HEAD, HEAD_HALF_HEIGHT = 0.28, 0.131, 0.087
STANCE = 0.065  # half the distance of the ankles at rest
SHOULDER_DROP = 0.016  # of the shoulder joints below the shoulder line
HIP_JOINT = 0.045  # half the distance of the hip joints
FACE_YAW_LIMIT = 1.15

# Joints of a hand: distance from the wrist and offset towards the thumb, both in hand lengths.
HAND_SHAPE = np.array(
    [[0.0, 0.0], [0.2, 0.22], [0.36, 0.36], [0.5, 0.46], [0.62, 0.53]]
    + [[along, 0.2 + 0.1 * spread] for along, spread in ((0.48, 0.0), (0.68, 0.35), (0.82, 0.6), (0.95, 0.8))]
    + [[along, 0.06 + 0.02 * spread] for along, spread in ((0.5, 0.0), (0.72, 1.0), (0.87, 1.5), (1.0, 2.0))]
    + [[along, -0.08 - 0.03 * spread] for along, spread in ((0.48, 0.0), (0.68, 0.8), (0.82, 1.2), (0.94, 1.6))]
    + [[along, -0.2 - 0.06 * spread] for along, spread in ((0.43, 0.0), (0.57, 0.7), (0.68, 1.2), (0.78, 1.7))]
)


@dataclass(frozen=True)
class Pose:
    """One body pose. Angles in radians; sway and drop of the pelvis in figure units.

    Hands are (out, up, forward) from their shoulder in arm lengths, feet from their place at rest in figure
    units; "out" is away from the body's middle. Positive yaw, lean and head angles go to the person's left.
    """

    yaw: float = 0.0
    twist: float = 0.0
    lean: float = 0.0
    bow: float = 0.0
    sway: float = 0.0
    drop: float = 0.0
    head_turn: float = 0.0
    head_tilt: float = 0.0
    left_hand: tuple[float, float, float] = (0.25, -0.86, 0.12)
    right_hand: tuple[float, float, float] = (0.25, -0.86, 0.12)
    left_foot: tuple[float, float, float] = (0.0, 0.0, 0.0)
    right_foot: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Side:
    """The joints of one side of the body, each (3,); hand is (21, 3) in OpenPose order."""

    shoulder: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    hand: np.ndarray
    hip: np.ndarray
    knee: np.ndarray
    ankle: np.ndarray
    heel: np.ndarray
    toe: np.ndarray


@dataclass(frozen=True)
class Skeleton:
    """All joints of a figure. trunk and face are rotations (3, 3) from the part's axes to the picture's."""

    pelvis: np.ndarray
    chest: np.ndarray  # the middle of the shoulder line
    head: np.ndarray
    trunk: np.ndarray
    face: np.ndarray
    hip_yaw: float
    chest_yaw: float
    face_yaw: float
    left: Side
    right: Side


def build_skeleton(pose: Pose, shoulder: float) -> Skeleton:
    """The joints of a pose for a person with the given half shoulder width."""
    hip_axes = rotation_y(pose.yaw)
    chest_yaw = pose.yaw + pose.twist
    trunk = rotation_y(chest_yaw) @ rotation_z(-pose.lean) @ rotation_x(pose.bow)
    face_yaw = float(np.clip(chest_yaw + pose.head_turn, -FACE_YAW_LIMIT, FACE_YAW_LIMIT))
    face = rotation_y(face_yaw) @ rotation_z(-pose.head_tilt) @ rotation_x(0.5 * pose.bow)
    ankles = {sign: ankle_place(hip_axes, foot, sign) for sign, foot in ((1, pose.left_foot), (-1, pose.right_foot))}
    pelvis = hip_axes @ np.array([pose.sway, 0.0, 0.0])
    pelvis[1] = min(
        THIGH + SHIN + ANKLE_HEIGHT - 0.012 - pose.drop,
        *(reachable_height(pelvis + sign * HIP_JOINT * hip_axes[:, 0], ankle) for sign, ankle in ankles.items()),
    )
    chest = pelvis + trunk @ np.array([0.0, SPINE, 0.0])
    neck_up = 0.5 * (trunk[:, 1] + face[:, 1])
    head = chest + NECK_TO_HEAD * neck_up / np.linalg.norm(neck_up) + 0.015 * face[:, 2]

    def side(sign: int, hand: tuple[float, float, float]) -> Side:
        return build_side(sign, hand, ankles[sign], pelvis, chest, hip_axes, trunk, shoulder)

    return Skeleton(
        pelvis=pelvis,
        chest=chest,
        head=head,
        trunk=trunk,
        face=face,
        hip_yaw=pose.yaw,
        chest_yaw=chest_yaw,
        face_yaw=face_yaw,
        left=side(1, pose.left_hand),
        right=side(-1, pose.right_hand),
    )


def build_side(
    sign: int,
    hand: tuple[float, float, float],
    ankle: np.ndarray,
    pelvis: np.ndarray,
    chest: np.ndarray,
    hip_axes: np.ndarray,
    trunk: np.ndarray,
    shoulder_width: float,
) -> Side:
    """Arm and leg of the left (sign 1) or right (sign -1) side."""
    mirror = np.array([sign, 1.0, 1.0])
    shoulder = chest + trunk @ np.array([sign * shoulder_width, -SHOULDER_DROP, 0.0])
    target = shoulder + trunk @ (mirror * np.array(hand) * (UPPER_ARM + FOREARM))
    elbow_way = trunk @ (mirror * np.array([0.75, -0.55, -0.35]))
    elbow, wrist = bend_limb(shoulder, target, UPPER_ARM, FOREARM, elbow_way)
    hip = pelvis + hip_axes @ np.array([sign * HIP_JOINT, 0.0, 0.0])
    knee_way = hip_axes @ (mirror * np.array([0.45, 0.0, 1.0]))
    knee, ankle = bend_limb(hip, ankle, THIGH, SHIN, knee_way)
    foot_axis = hip_axes @ (mirror * np.array([0.5, 0.0, 0.87]))
    # A lifted foot points its toes down.
    lift = max(ankle[1] - ANKLE_HEIGHT, 0.0)
    sole = ankle - np.array([0.0, ANKLE_HEIGHT * 0.55, 0.0])
    toe_drop = np.array([0.0, min(lift, 0.4 * FOOT), 0.0])
    return Side(
        shoulder=shoulder,
        elbow=elbow,
        wrist=wrist,
        hand=build_hand(shoulder, elbow, wrist),
        hip=hip,
        knee=knee,
        ankle=ankle,
        heel=sole - 0.2 * FOOT * foot_axis,
        toe=sole + 0.75 * FOOT * foot_axis - toe_drop,
    )


def build_hand(shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray) -> np.ndarray:
    """The 21 points of an open hand (21, 3) in line with the forearm, thumb on the inside of the elbow."""
    along = (wrist - elbow) / FOREARM
    inside = 0.5 * (shoulder + wrist) - elbow
    thumb = inside - along * float(inside @ along)
    thumb /= max(float(np.linalg.norm(thumb)), 1e-6)
    points: np.ndarray = wrist + HAND * (HAND_SHAPE[:, :1] * along + HAND_SHAPE[:, 1:] * thumb)
    return points


def ankle_place(hip_axes: np.ndarray, foot: tuple[float, float, float], sign: int) -> np.ndarray:
    """The ankle (3,) of a foot target; the left foot has sign 1."""
    out, up, forward = foot
    place: np.ndarray = hip_axes @ np.array([sign * (STANCE + out), ANKLE_HEIGHT + up, forward])
    return place


def reachable_height(hip: np.ndarray, ankle: np.ndarray) -> float:
    """The greatest height of the pelvis at which the leg still reaches the ankle, knee a little bent."""
    across = (hip[0] - ankle[0]) ** 2 + (hip[2] - ankle[2]) ** 2
    return float(ankle[1] + np.sqrt(max((0.985 * (THIGH + SHIN)) ** 2 - across, 0.0)))


def bend_limb(
    root: np.ndarray, target: np.ndarray, first: float, second: float, way: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Middle joint and end (each (3,)) of a two-bone limb reaching for a target and bending a given way."""
    reach = target - root
    distance = float(np.linalg.norm(reach))
    axis = reach / max(distance, 1e-6)
    distance = float(np.clip(distance, 1.2 * abs(first - second) + 0.3 * second, 0.99 * (first + second)))
    along = (first**2 - second**2 + distance**2) / (2 * distance)
    bend = way - axis * float(way @ axis)
    bend /= max(float(np.linalg.norm(bend)), 1e-6)
    middle = root + along * axis + np.sqrt(max(first**2 - along**2, 0.0)) * bend
    return middle, root + distance * axis


def rotation_x(angle: float) -> np.ndarray:
    """Rotation (3, 3) that bows a forward-facing body towards the camera."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])


def rotation_y(angle: float) -> np.ndarray:
    """Rotation (3, 3) that turns a forward-facing body to the picture's right."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])


def rotation_z(angle: float) -> np.ndarray:
    """Rotation (3, 3) that tips a body to the picture's left."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
