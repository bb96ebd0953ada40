"""What a training tells about itself, as `history.json` in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from harness.errors import MethodError
from harness.files import write_text

FILE_NAME = "history.json"


class Record(BaseModel):
    """Base of a method's history: its fields say what is kept."""

    def save(self, folder: Path) -> None:
        """Write `history.json`, whole or not at all."""
        write_text(folder / FILE_NAME, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return what a training wrote into a folder, or None where there was none.

        Raises:
            MethodError: The file is damaged.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            return None
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise MethodError(
                f"{path} is damaged: {error.errors()[0]['msg']}",
                "delete it; only what is drawn from it is lost",
            ) from error
