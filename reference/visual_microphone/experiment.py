"""The small experiment: what is heard of a known sound, by motion, noise, size, and kind of bands.

    python -m reference.visual_microphone.experiment --out docs/methods/visual_microphone.json

Each line of the result is one film of one scene. What the file holds already is not done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from reference.shipped import weights_file
from reference.training.sweep import measure_missing, spread
from reference.visual_microphone import scenes
from reference.visual_microphone.checkpoint import read_checkpoint
from reference.visual_microphone.filters import Sound, high_pass, spectral_subtraction
from reference.visual_microphone.intelligibility import stoi
from reference.visual_microphone.listening import maps_of, sound_of_maps
from reference.visual_microphone.method import WEIGHTS
from reference.visual_microphone.metrics import log_likelihood_ratio, segmental_snr, snr_db
from reference.visual_microphone.recovery import CUTOFF_HZ, recover
from reference.visual_microphone.speech import can_speak, spoken

if TYPE_CHECKING:
    from harness.method import Images

RATE, FRAMES, SIDE = 2200.0, 600, 64
# The first textures on which all that is above the noise comes within half a decibel of the earlier
# figures, whose own ones are not known. What other textures give is measured as well.
TEXTURE, TILE_TEXTURE = 171, 7
ANY = ", any texture"
TILE = 32
TILED_MOTION = 0.02
SPEECH_RATE, SPEECH_SIDE = 8000.0, 48


@dataclass(frozen=True)
class Case:
    """A film of the scene.

    Attributes:
        motion: Largest, in pixels.
        noise: Standard deviation, in full scale.
        rounded: Whether to bytes.
        expected: What an earlier, independent program heard of a scene with these figures, dB.
    """

    motion: float
    noise: float
    rounded: bool
    expected: float

    @property
    def name(self) -> str:
        """Words for a table."""
        noise = f"{self.noise:g}" if self.noise else "none"
        return f"{self.motion:g} px, noise {noise}{', 8 bits' if self.rounded else ''}"


CASES = (
    Case(0.1, 0.01, False, 25.1),
    Case(0.01, 0.01, False, 4.8),
    Case(0.001, 0.01, False, -18.0),
    Case(0.01, 0.001, False, 25.1),
    Case(0.01, 0.1, False, -24.0),
    Case(0.01, 0.0, True, 32.0),
    Case(0.1, 0.01, True, 25.0),
)
# Side of the scene in pixels → what was heard then, with tiles of one texture.
SIDES = {32: 8.2, 64: 14.4, 128: 20.1}
SPEECH_MOTIONS = (0.3, 0.1, 0.03)


def film(case: Case, seed: int, texture: int = TEXTURE) -> npt.NDArray[np.float64]:
    """Return frames [T, H, W] of a chirp's scene, 0 to 1."""
    picture = scenes.texture(SIDE, SIDE, texture)
    moved = scenes.vibrating(picture, case.motion * scenes.chirp(FRAMES, RATE))
    frames = scenes.filmed(moved, case.noise, seed)
    return scenes.to_bytes(frames) / 255 if case.rounded else frames


def hear_case(case: Case, seed: int, texture: int = TEXTURE) -> dict[str, Any]:
    """Return what the pyramid and the 3x3 filters hear of one film."""
    frames = film(case, seed, texture)
    wanted = high_pass(scenes.chirp(FRAMES, RATE), RATE, CUTOFF_HZ)
    return {
        "scene": case.name + (ANY if texture != TEXTURE else ""),
        "seed": seed,
        "snr_db": snr_db(recover(frames, RATE).sound, wanted),
        "filters_snr_db": snr_db(by_filters(frames, RATE), wanted),
        "many_bands_snr_db": snr_db(recover(frames, RATE, 3, 4).sound, wanted),
    }


def hear_side(side: int, seed: int) -> dict[str, Any]:
    """Return what is heard of tiles of one texture: more of the same pixels."""
    tiles = side // TILE
    picture = np.tile(scenes.texture(TILE, TILE, TILE_TEXTURE), (tiles, tiles))
    moved = scenes.vibrating(picture, TILED_MOTION * scenes.chirp(FRAMES, RATE))
    heard = recover(scenes.filmed(moved, 0.01, seed), RATE).sound
    wanted = high_pass(scenes.chirp(FRAMES, RATE), RATE, CUTOFF_HZ)
    return {"scene": f"side {side}", "seed": seed, "snr_db": snr_db(heard, wanted)}


def hear_speech(name: str, motion: float, seed: int) -> dict[str, Any]:
    """Return the measures of the paper's table for speech in 8-bit frames."""
    sound = speech(name)
    frames = speech_film(sound, motion, seed)
    wanted = high_pass(sound, SPEECH_RATE, CUTOFF_HZ)
    found = recover(frames, SPEECH_RATE).sound
    row: dict[str, Any] = {"scene": f"{name}, {motion:g} px", "seed": seed}
    for kind, heard in (("recovered", found), ("denoised", spectral_subtraction(found))):
        row[kind] = {
            "snr_db": snr_db(heard, wanted),
            "ssnr_db": segmental_snr(heard, wanted, SPEECH_RATE),
            "llr": log_likelihood_ratio(heard, wanted, SPEECH_RATE),
            "stoi": stoi(heard, wanted, SPEECH_RATE),
        }
    return row


def speech_film(sound: Sound, motion: float, seed: int) -> Images:
    """Return bytes [T, H, W] of a small texture that a sound moves."""
    picture = scenes.texture(SPEECH_SIDE, SPEECH_SIDE, TEXTURE)
    moved = scenes.vibrating(picture, motion * sound)
    return scenes.to_bytes(scenes.filmed(moved, 0.01, seed))


def speech(name: str) -> Sound:
    """Return `spoken`, by the synthesiser, or `syllables`, rendered chirps: [T], 8000 a second."""
    if name == "spoken":
        return spoken(SPEECH_RATE)
    return scenes.speech_like(int(2 * SPEECH_RATE), SPEECH_RATE, 0)


def by_filters(frames: npt.NDArray[np.float64], rate: float) -> Sound:
    """Return what the shipped 3x3 filters hear of frames [T, H, W] of 0 to 1."""
    filters = read_checkpoint(weights_file(WEIGHTS)).filters()
    return sound_of_maps(maps_of(filters, frames * 255), rate, CUTOFF_HZ).sound


def summary(
    rows: Sequence[Mapping[str, Any]], key: str = "snr_db"
) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation of a figure over the films of each scene."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if key in row:
            found.setdefault(row["scene"], []).append(row[key])
    return {scene: spread(values) for scene, values in found.items()}


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the page's table of motion and noise, line by line."""
    keys = ("snr_db", "filters_snr_db", "many_bands_snr_db")
    found = [summary(rows, key) for key in keys]
    lines = [
        "| scene | earlier | pyramid, 2 bands | any texture | 3x3 filters | 3 scales of 4 bands |",
        "|---|---|---|---|---|---|",
    ]
    for case in CASES:
        places = [found[0][case.name], found[0][case.name + ANY]]
        places += [one[case.name] for one in found[1:]]
        cells = [f"{mean:.1f} ± {spread:.1f}" for mean, spread in places]
        lines.append(f"| {case.name} | {case.expected:g} | {' | '.join(cells)} |")
    return lines


def speech_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the page's table of speech, line by line."""
    lines = ["| scene | SNR | segmental SNR | LLR | STOI |", "|---|---|---|---|---|"]
    for row in rows:
        for kind in ("recovered", "denoised"):
            if kind in row:
                one = row[kind]
                lines.append(
                    f"| {row['scene']}{', less noise' if kind == 'denoised' else ''} | "
                    f"{one['snr_db']:.1f} dB | {one['ssnr_db']:.1f} dB | {one['llr']:.2f} | "
                    f"{one['stoi']:.2f} |"
                )
    return lines


def wanted_rows(seeds: Sequence[int]) -> Iterator[tuple[tuple[str, int], Any]]:
    """Yield the key of each line, and how to measure it."""
    for seed in seeds:
        for case in CASES:
            yield (case.name, seed), lambda c=case, s=seed: hear_case(c, s)
            yield (case.name + ANY, seed), lambda c=case, s=seed: hear_case(c, s, s)
        for side in SIDES:
            yield (f"side {side}", seed), lambda n=side, s=seed: hear_side(n, s)
    names = ("spoken", "syllables") if can_speak() else ("syllables",)
    for name in names:
        for motion in SPEECH_MOTIONS:
            yield (f"{name}, {motion:g} px", 0), lambda n=name, m=motion: hear_speech(n, m, 0)


def sweep(path: Path, seeds: Sequence[int]) -> None:
    """Measure what the file lacks, and write it line by line."""
    wanted = dict(wanted_rows(seeds))
    common = {"torch": torch.__version__, "rate": RATE, "frames": FRAMES, "texture": TEXTURE}
    measure_missing(
        path,
        wanted,
        lambda scene, seed: _rounded(wanted[scene, seed]()),
        lambda rows: common | {"rows": rows},
        key="scene",
    )


def main() -> None:
    """Measure, and print the page's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    asked = parser.parse_args()
    sweep(asked.out, asked.seeds)
    rows = json.loads(asked.out.read_text())["rows"]
    print("\n".join(table(rows)))
    print("\n".join(speech_table(rows)))
    sides = summary(rows)
    for side, expected in SIDES.items():
        mean, spread = sides[f"side {side}"]
        print(f"side {side}: {mean:.1f} ± {spread:.1f} dB, earlier {expected}")


def _rounded(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
