"""The page's picture, of a run on the rendered scene and of the experiment's results.

`python -m reference.visual_microphone.figure RUN RESULTS.json OUT.png` shows what the scene's chirp
looks like as a spectrogram, true and as heard; a sentence that is spoken; and figures as measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import DataError
from harness.files import write_bytes
from reference.visual_microphone import experiment
from reference.visual_microphone.data import Footage, rendered
from reference.visual_microphone.filters import Sound, high_pass, spectral_subtraction
from reference.visual_microphone.listening import sound_of_maps
from reference.visual_microphone.plots import draw, png_bytes
from reference.visual_microphone.recovery import CUTOFF_HZ, recover
from reference.visual_microphone.settings import Settings
from reference.visual_microphone.speech import can_speak

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPEECH_MOTION = 0.1


def figure(run: Path, results: Path) -> bytes:
    """Return the PNG.

    Args:
        run: A run folder of the shipped filters, with the backend `kpu`.
        results: What the experiment wrote.

    Raises:
        DataError: The run lacks that backend.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(sheet)
    footage = rendered(Settings())
    columns = [
        (chirps(footage, run), footage.rate),
        (spoken_sounds(), experiment.SPEECH_RATE),
    ]
    for column, (sounds, rate) in enumerate(columns):
        for row, (name, sound) in enumerate(sounds.items()):
            draw(sheet.add_subplot(3, 3, 3 * row + column + 1), sound, rate, name)
    _draw_frame(sheet.add_subplot(3, 3, 3), footage)
    rows = json.loads(results.read_text())["rows"]
    _draw_cases(sheet.add_subplot(3, 3, 6), rows)
    _draw_sides(sheet.add_subplot(3, 3, 9), rows)
    return png_bytes(sheet)


def chirps(footage: Footage, run: Path) -> dict[str, Sound]:
    """Return the scene's sound, and what the pyramid and the K210's simulator hear of it."""
    path = run / "outputs" / "kpu" / "maps.npy"
    if not path.is_file():
        raise DataError(f"{run} has no outputs of kpu", "run with --backends float,kpu")
    assert footage.true is not None
    cutoff = footage.cutoff(Settings())
    return {
        "chirp, true": high_pass(footage.true, footage.rate, cutoff),
        "chirp, by the pyramid": recover(footage.frames, footage.rate, cutoff=cutoff).sound,
        "chirp, by 3x3 filters on the K210's simulator": sound_of_maps(
            np.load(path), footage.rate, cutoff
        ).sound,
    }


def spoken_sounds() -> dict[str, Sound]:
    """Return a sentence, or syllables without a synthesiser: true, recovered, and less noise."""
    name = "spoken" if can_speak() else "syllables"
    sound, rate = experiment.speech(name), experiment.SPEECH_RATE
    frames = experiment.speech_film(sound, SPEECH_MOTION, 0)
    found = recover(frames, rate).sound
    return {
        f"{name}, true": high_pass(sound, rate, CUTOFF_HZ),
        f"{name}, by the pyramid, {SPEECH_MOTION:g} px": found,
        "the same, less its steady noise": spectral_subtraction(found),
    }


def _draw_frame(axes: Axes, footage: Footage) -> None:
    axes.imshow(footage.frames[0], cmap="gray", vmin=0, vmax=255)
    axes.set_title("one frame of the chirp's scene", fontsize=9, loc="left")
    axes.set_axis_off()


def _draw_cases(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    found = experiment.summary(rows)
    cases = experiment.CASES
    places = np.arange(len(cases))
    means, spreads = zip(*(found[case.name] for case in cases), strict=True)
    axes.errorbar(places, means, spreads, fmt="o", capsize=3, label="measured", markersize=4)
    axes.plot(places, [case.expected for case in cases], "kx", label="earlier figures")
    labels = [case.name.replace(", noise ", "\n") for case in cases]
    axes.set_xticks(places, labels, fontsize=6, rotation=60)
    axes.set_ylabel("SNR, dB", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_ylim(-58, 40)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="lower right")


def _draw_sides(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    found = experiment.summary(rows)
    sides = list(experiment.SIDES)
    means = [found[f"side {side}"][0] for side in sides]
    axes.semilogx(sides, means, "o-", base=2, label="measured")
    law = [means[0] + 20 * np.log10(side / sides[0]) for side in sides]
    axes.semilogx(sides, law, "k:", base=2, label="6 dB a doubling")
    axes.set_xticks(sides, [str(side) for side in sides], fontsize=7)
    axes.set_xlabel("side of the picture, pixels", fontsize=8)
    axes.set_ylabel("SNR, dB", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    write_bytes(given.out, figure(given.run, given.results))


if __name__ == "__main__":
    main()
