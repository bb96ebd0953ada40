"""The archive whose contents go onto the SD card of an M5StickV: model, boot script, labels."""

from __future__ import annotations

import hashlib
import io
import re
from importlib import resources
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from harness.errors import MethodError
from harness.method import InputContract
from reference.coin_classifier.startup import startup_jpg

SCRIPT = Path("device_scripts", "boot.py")
REPOSITORY = Path(__file__).resolve().parents[2]
# The earliest time that a zip can hold: the same files make the same archive, to the byte.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def sdcard_zip(
    kmodel: bytes, classes: tuple[str, ...], contract: InputContract, width: float
) -> bytes:
    """Return the archive, to be unzipped at the top of the card.

    Args:
        kmodel: The compiled model.
        classes: Names of the classes, by label.
        contract: What the model eats.
        width: Width multiplier, for the model's file name.
    """
    model = kmodel_name(kmodel, width)
    files = {
        model: kmodel,
        "boot.py": boot_script(model, classes, contract).encode(),
        "labels.txt": "".join(f"{name}\n" for name in classes).encode(),
        "startup.jpg": startup_jpg(classes),
    }
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = ZipInfo(name, ZIP_TIME)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def kmodel_name(kmodel: bytes, width: float) -> str:
    """Return the service's kind of name: 16 hex digits, and the width in tenths."""
    tenths = f"{10 * width:g}".replace(".", "_")
    return f"{hashlib.sha256(kmodel).hexdigest()[:16]}_mbnet{tenths}_quant.kmodel"


def boot_script(model: str, classes: tuple[str, ...], contract: InputContract) -> str:
    """Return the boot script for one model.

    Raises:
        MethodError: The script in this installation has no place for a value.
    """
    script = _script_text()
    values = {
        "MODEL": f"/sd/{model}",
        "LABELS": [_screen_name(name, place) for place, name in enumerate(classes, 1)],
        "SIDE": contract.shape[1],
    }
    for name, value in values.items():
        script = _filled_in(script, name, value)
    return script


def _filled_in(script: str, name: str, value: object) -> str:
    line = re.compile(rf"^{name} = .*$", re.MULTILINE)
    filled, count = line.subn(lambda _: f"{name} = {value!r}", script)
    if count != 1:
        raise MethodError(f"{SCRIPT} has {count} lines for {name}, not one", "install it again")
    return filled


def _screen_name(name: str, place: int) -> str:
    """Return a name that the board's font can write: it knows ASCII only."""
    return name if name.isascii() else f"class {place}"


def _script_text() -> str:
    installed = resources.files("harness").joinpath(*SCRIPT.parts)
    if installed.is_file():
        return installed.read_text("utf-8")
    return (REPOSITORY / SCRIPT).read_text("utf-8")
