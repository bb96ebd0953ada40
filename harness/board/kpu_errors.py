"""The errors of MaixPy's KPU module, 2001 to 2015: what each means, and what to do about it.

Numbers: MaixPy-v1 `sipeed_kpu.h`. `KPU.load` raises a ValueError with number and name, `forward`
an OSError with the name alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class KpuError:
    """One error.

    Attributes:
        code: Its number.
        name: As the firmware writes it.
        cause: What it means.
        remedy: What to do.
    """

    code: int
    name: str
    cause: str
    remedy: str


_ROWS = (
    ("ERR_PARAM", "the KPU module was given an address or a file name that is none",
     "give a path that ends in .kmodel, or a flash address such as 0x300000"),
    ("ERR_KMODEL_VERSION", "the firmware does not load a kmodel of this version",
     "k210 convert model.kmodel model.v3.kmodel --to v3; k210 board info says what it loads"),
    ("ERR_KMODEL_FORMAT", "the firmware takes the file for a damaged kmodel",
     "k210 inspect the file, and send it again"),
    ("ERR_DECRYPT", "the model is encrypted for another board",
     "take a plain .kmodel; .smodel and .emodel are bound to one chip"),
    ("ERR_READ_FILE", "the firmware cannot read the kmodel's file",
     "k210 board ls shows what is there; try another card"),
    ("ERR_NO_MEM", "the board has too little memory left for the model",
     "reset the board, lower Maix.utils.gc_heap_size, or take a smaller model"),
    ("ERR_GET_CONV_LAYER", "the model does not begin with a convolution on the KPU",
     "let its first layer be one: k210 inspect shows the layers"),
    ("ERR_RUN_MODEL", "the KPU stopped in the middle of the model, which may be damaged in memory",
     "load the model again; if it stays, send it again"),
    ("ERR_MODELS_FULL", "five models are loaded, and the firmware holds no more",
     "KPU.deinit(task) those that are not used, or reset the board"),
    ("ERR_PERMITION", "the firmware does not allow it",
     "encrypted models cannot be read; take a plain .kmodel"),
    ("ERR_IDX_OUTRANGE", "the model has no output of that number",
     "k210 inspect the file: outputs count from 0"),
    ("ERR_SIZE_NOTMATCH", "width, height and channels do not make the size of the output",
     "k210 inspect the file, and give KPU.set_outputs its shape"),
    ("ERR_OUTPUTS_SET", "the shape of an output has not been told, which kmodel v4 needs",
     "KPU.set_outputs(task, index, w, h, channels) before KPU.forward"),
    ("ERR_NOT_IMPLEMENT", "this firmware lacks what the model needs",
     "flash a full build of MaixPy, such as maixpy_v0.6.2_…_m5stickv.bin"),
    ("ERR_UNKNOWN", "the KPU module does not know what went wrong; kmodel v5 is one reason",
     "k210 inspect the file: MaixPy loads v3 and v4; then reset the board"),
)  # fmt: skip
FIRST = 2001
TABLE = {FIRST + n: KpuError(FIRST + n, *row) for n, row in enumerate(_ROWS)}
_BY_NAME = {error.name.removeprefix("ERR_"): error for error in TABLE.values()}
_NUMBER = re.compile(r"kpu: (?:load|load_flash) error:\s*(\d{4})")
_NAME = re.compile(r"\bERR_(" + "|".join(sorted(_BY_NAME, key=len, reverse=True)) + r")\b")
_MEMORY = re.compile(r"SYSCALL: Out of memory|memory allocation failed|alloc list mem err")


def kpu_error(text: str) -> KpuError | None:
    """Return the error that a message of the firmware is about, if it is one of these."""
    number = _NUMBER.search(text)
    if number:
        return TABLE.get(int(number[1]))
    name = _NAME.search(text.replace("SIPEED_KPU_", ""))
    return _BY_NAME[name[1]] if name else None


def out_of_memory(text: str) -> bool:
    """Whether a message says that the board's memory did not suffice."""
    return bool(_MEMORY.search(text))
