"""Coverage-guided fuzzing of the reader: `python fuzz_kmodel.py [libFuzzer options]`.

Anything but a program or a `KModelError` stops it, and the bytes at fault are kept in a file.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["harness"]):
    from harness.errors import KModelError
    from harness.kmodel import load

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "kmodels"


def one_input(data):
    try:
        load(data)
    except KModelError:
        return


def main():
    with tempfile.TemporaryDirectory() as corpus:
        for path in FIXTURES.glob("*.kmodel"):
            if path.stat().st_size < 1 << 14:
                (Path(corpus) / path.name).write_bytes(path.read_bytes())
        atheris.Setup([sys.argv[0], corpus, *sys.argv[1:]], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
