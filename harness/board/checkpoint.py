"""Results of a long run on a board, kept as they come: a run that was cut goes on where it was.

The file has a line of JSON for what was run and one for each result; a line that was cut short by
the end of the program is dropped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.board.answers import Inference, OutputForm

Array = npt.NDArray[Any]


def digest(array: Array) -> str:
    """Return the SHA-256 of an input's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


class Checkpoint:
    """Results of one kmodel on one firmware.

    Args:
        path: The file; None keeps nothing.
        subject: What was run (hash of the kmodel, firmware): a file about something else is begun
            anew.
        forms: The outputs.
    """

    def __init__(
        self, path: Path | None, subject: dict[str, str], forms: tuple[OutputForm, ...]
    ) -> None:
        self.path, self.forms = path, forms
        self._done: dict[str, Inference] = {}
        if path is None:
            return
        lines = _whole_lines(path)
        if not lines or lines[0] != subject:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(subject) + "\n")
            return
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self._done = {line["input"]: self._inference(line) for line in lines[1:]}

    def get(self, key: str) -> Inference | None:
        """Return the result for an input, by its `digest`, if it was kept."""
        return self._done.get(key)

    def put(self, key: str, result: Inference) -> None:
        """Keep a result."""
        self._done[key] = result
        if self.path is None:
            return
        outputs = [base64.b64encode(out.tobytes()).decode() for out in result.outputs]
        line = {"input": key, "microseconds": result.microseconds, "outputs": outputs}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def finish(self) -> None:
        """Forget the file: the run is complete and its results are elsewhere."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _inference(self, line: dict[str, Any]) -> Inference:
        outputs = tuple(
            np.frombuffer(base64.b64decode(text), form.dtype).reshape(form.shape)
            for text, form in zip(line["outputs"], self.forms, strict=True)
        )
        return Inference(line["microseconds"], outputs)


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
