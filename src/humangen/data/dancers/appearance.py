"""What a dancer looks like: everything that stays the same in a clip, drawn from a seed.

Lengths are in figure units (sole to crown = 1) unless a field says otherwise; colours are RGB, 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humangen.data.dancers.colours import (
    CLOTH_COLOURS,
    FLOORS,
    HAIR_COLOURS,
    IRISES,
    SKINS,
    WALLS,
    Colour,
    distinct_colour,
    mix,
)

HAIR_STYLES = ("crop", "short", "parted", "bob", "long", "bun", "ponytail", "afro")
PATTERNS = ("plain", "stripes", "bars", "dots", "print", "halves", "yoke")
SLEEVES = ("none", "short", "long")
NECKLINES = ("round", "vee", "boat")
MOTIFS = ("disc", "star", "heart", "diamond", "bolt")
LOOSEST, LOWEST_HEM = 0.018, 0.05  # of a top, figure units
SCENES = ("room", "window", "arches", "stripes", "hills", "plants", "discs", "gradient")


@dataclass(frozen=True)
class Build:
    """Body proportions: half-widths of the rings of the trunk and a thickness factor of the limbs."""

    height: float  # of the figure, in picture heights
    shoulder: float
    waist: float
    hip: float
    thickness: float


@dataclass(frozen=True)
class Head:
    """Skin is the dancer's; here are hair, eyes, brows and mouth. smile is in 0..1."""

    hair_style: str
    hair: Colour
    iris: Colour
    lips: Colour
    smile: float
    hair_side: int  # -1 or 1: where the parting is


@dataclass(frozen=True)
class Pattern:
    """A coarse cloth pattern; period is the length of one repeat along the body."""

    kind: str
    colour: Colour
    accent: Colour
    motif: str
    period: float


@dataclass(frozen=True)
class Top:
    """The upper garment. skirt is how far a dress goes down the leg (1 is the knee); None for a shirt."""

    pattern: Pattern
    sleeve: str
    neckline: str
    looseness: float  # added to the half-widths of the trunk
    hem: float  # how far below the hip a shirt ends
    skirt: float | None

    @property
    def is_dress(self) -> bool:
        """Whether the garment also covers the thighs and replaces the bottom."""
        return self.skirt is not None


@dataclass(frozen=True)
class Bottom:
    """The lower garment: "trousers", "shorts" or "skirt"; reach is down the leg (1 knee, 2 ankle)."""

    kind: str
    pattern: Pattern
    reach: float


@dataclass(frozen=True)
class Scene:
    """The background; horizon is the wall's foot in picture heights from the top, seed places its things."""

    kind: str
    wall: Colour
    floor: Colour
    accents: tuple[Colour, Colour]
    horizon: float
    seed: int


@dataclass(frozen=True)
class Dancer:
    """One person in one outfit in front of one background."""

    skin: Colour
    build: Build
    head: Head
    top: Top
    bottom: Bottom
    shoes: Colour
    scene: Scene

    @classmethod
    def from_seed(cls, seed: int) -> Dancer:
        """The dancer of a non-negative seed; clothes are chosen well apart from wall, floor and skin."""
        if seed < 0:
            raise ValueError(f"a dancer's seed must not be negative, got {seed}")
        chooser = np.random.default_rng([seed, 1])
        scene = choose_scene(chooser)
        skin = distinct_colour(chooser, SKINS, [(scene.wall, 70)])
        hair = distinct_colour(chooser, HAIR_COLOURS, [(scene.wall, 110), (skin, 110)])
        top = choose_top(chooser, scene, skin)
        bottom = choose_bottom(chooser, scene, skin, top)
        apart = [(scene.floor, 130.0), (bottom.pattern.colour, 110.0), (skin, 90.0)]
        shoes = distinct_colour(chooser, CLOTH_COLOURS, apart)
        return cls(
            skin=skin,
            build=choose_build(chooser),
            head=choose_head(chooser, hair, skin),
            top=top,
            bottom=bottom,
            shoes=shoes,
            scene=scene,
        )


def pick(chooser: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options, all equally likely."""
    return options[int(chooser.integers(len(options)))]


def choose_scene(chooser: np.random.Generator) -> Scene:
    """A wall, a floor and two accent colours that are close enough to the wall to stay behind the dancer."""
    wall = WALLS[int(chooser.integers(len(WALLS)))]
    floor = distinct_colour(chooser, FLOORS, [(wall, 90)])
    first, second = (CLOTH_COLOURS[int(index)] for index in chooser.choice(len(CLOTH_COLOURS), 2, replace=False))
    return Scene(
        kind=pick(chooser, SCENES),
        wall=wall,
        floor=floor,
        accents=(mix(wall, first, 0.3), mix(wall, second, 0.22)),
        horizon=float(chooser.uniform(0.7, 0.82)),
        seed=int(chooser.integers(2**31)),
    )


def choose_pattern(
    chooser: np.random.Generator, kinds: Sequence[str], apart: Sequence[tuple[Colour, float]]
) -> Pattern:
    """A pattern whose two colours keep the wanted distances and differ clearly from each other."""
    colour = distinct_colour(chooser, CLOTH_COLOURS, apart)
    accent = distinct_colour(chooser, CLOTH_COLOURS, [*apart, (colour, 230)])
    return Pattern(
        kind=pick(chooser, kinds),
        colour=colour,
        accent=accent,
        motif=pick(chooser, MOTIFS),
        period=float(chooser.uniform(0.11, 0.14)),
    )


def choose_top(chooser: np.random.Generator, scene: Scene, skin: Colour) -> Top:
    """A shirt (three times in four) or a dress."""
    apart = [(scene.wall, 170.0), (scene.floor, 110.0), (skin, 130.0)]
    dress = chooser.random() < 0.25
    return Top(
        pattern=choose_pattern(chooser, PATTERNS, apart),
        sleeve=pick(chooser, SLEEVES),
        neckline=pick(chooser, NECKLINES),
        looseness=float(chooser.uniform(0.004, LOOSEST)),
        hem=float(chooser.uniform(0.0, LOWEST_HEM)),
        skirt=float(chooser.uniform(0.6, 1.0)) if dress else None,
    )


def choose_bottom(chooser: np.random.Generator, scene: Scene, skin: Colour, top: Top) -> Bottom:
    """Trousers, shorts or a skirt; only skirts carry a pattern, and only under a plain top."""
    kind = pick(chooser, ("trousers", "trousers", "shorts", "skirt"))
    reach = {"trousers": (1.75, 1.97), "shorts": (0.5, 0.85), "skirt": (0.65, 1.0)}[kind]
    kinds = ("plain", "stripes", "dots") if kind == "skirt" and top.pattern.kind == "plain" else ("plain",)
    apart = [(scene.wall, 150.0), (scene.floor, 150.0), (skin, 120.0), (top.pattern.colour, 140.0)]
    return Bottom(kind=kind, pattern=choose_pattern(chooser, kinds, apart), reach=float(chooser.uniform(*reach)))


def choose_build(chooser: np.random.Generator) -> Build:
    """Proportions around a stylised adult with a large head."""
    return Build(
        height=float(chooser.uniform(0.77, 0.83)),
        shoulder=float(chooser.uniform(0.092, 0.112)),
        waist=float(chooser.uniform(0.062, 0.08)),
        hip=float(chooser.uniform(0.074, 0.09)),
        thickness=float(chooser.uniform(0.92, 1.15)),
    )


def choose_head(chooser: np.random.Generator, hair: Colour, skin: Colour) -> Head:
    """Hair style and face of the person."""
    lips = mix(skin, (190, 40, 60), float(chooser.uniform(0.4, 0.8)))
    return Head(
        hair_style=pick(chooser, HAIR_STYLES),
        hair=hair,
        iris=IRISES[int(chooser.integers(len(IRISES)))],
        lips=lips,
        smile=float(chooser.uniform(0.2, 1.0)),
        hair_side=1 if chooser.random() < 0.5 else -1,
    )
