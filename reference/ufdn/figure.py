"""The page's picture, of a run on the method's own pictures and of a training on pictures alone.

`python -m reference.ufdn.figure RUN CHECKPOINT OUT.png` shows signs as scans, in float and on the
K210's simulator, and pictures of three domains as all of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from harness.data.sheet import Line, sheet
from harness.errors import DataError
from harness.files import write_bytes
from reference.pictures import to_bytes
from reference.ufdn.artefacts import ZOOM
from reference.ufdn.checkpoint import read_checkpoint
from reference.ufdn.data import IMAGE_LOOKS, first, join, sample_domains
from reference.ufdn.method import EVALUATION_PICTURES
from reference.ufdn.trainer import to_floats

BACKENDS = {"float": "float", "kpu": "K210"}
COLUMNS = 15


def figure(run: Path, checkpoint: Path) -> bytes:
    """Return the PNG of a run folder, and of a checkpoint of the form for pictures.

    Raises:
        DataError: The run lacks one of the backends.
        MethodError: The checkpoint is none of this method.
    """
    return sheet([*_signs(run), *_looks(checkpoint)], ZOOM)


def _signs(run: Path) -> list[Line]:
    """Return signs, and what the run made of them: they stand behind the scans."""
    signs = slice(EVALUATION_PICTURES, EVALUATION_PICTURES + COLUMNS)
    lines: list[Line] = [("sign", sample_domains().test[1].images[:COLUMNS])]
    for backend, name in BACKENDS.items():
        path = run / "outputs" / backend / "picture.npy"
        if not path.is_file():
            raise DataError(f"{run} has no outputs of {backend}", "run with --backends float,kpu")
        lines.append((f"as scan, {name}", to_bytes(np.load(path)[signs])))
    return lines


@torch.no_grad()
def _looks(checkpoint: Path) -> list[Line]:
    """Return pictures of three domains, and each of them in all three looks."""
    vae = read_checkpoint(checkpoint).vae()
    share = COLUMNS // len(IMAGE_LOOKS)
    _, images, _ = join([first(side, share) for side in sample_domains(IMAGE_LOOKS).test])
    codes = vae.code(to_floats(torch.from_numpy(images)))
    lines: list[Line] = [("three domains", images)]
    for look, vector in zip(IMAGE_LOOKS, torch.eye(len(IMAGE_LOOKS)), strict=True):
        made = vae.decoder(codes, vector.expand(len(codes), -1))
        lines.append((f"as {look}", to_bytes(made.numpy())))
    return lines


def main() -> None:
    """Write the picture that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    write_bytes(given.out, figure(given.run, given.checkpoint))


if __name__ == "__main__":
    main()
