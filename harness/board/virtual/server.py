"""The process of a virtual board: `python -m harness.board.virtual.server`.

Prints one line of JSON with the port, and serves until its standard input ends or it is ended.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from harness.board.virtual import profile as profiles
from harness.board.virtual.line import Line
from harness.board.virtual.processor import Calls, Processor
from harness.board.virtual.profile import Profile
from harness.board.virtual.services.files import Files
from harness.board.virtual.services.kpu import Kpu
from harness.board.virtual.services.parts import Parts
from harness.board.virtual.services.pictures import Pictures
from harness.board.virtual.services.system import System


def calls_of(*services: object) -> Calls:
    """Return the public methods of services by name."""
    return {
        name: getattr(service, name)
        for service in services
        for name in dir(service)
        if name[0] != "_" and callable(getattr(service, name))
    }


def serve(profile: Profile, paths: dict[str, Path]) -> None:
    """Start a board and serve it until its process ends."""
    processor = Processor(paths["node"], paths["package"], profile)
    line = Line(processor.interrupt)
    files = Files({name: paths[name] for name in ("flash", "sd") if name in paths})
    pictures = Pictures(files, paths.get("frames"), paths.get("lcd"), profile.size)
    parts = Parts(paths.get("spi"))
    system = System(profile, line, files)
    kpu = Kpu(profile, files, system, pictures, paths["flash"].parent / "image")
    system.restarts += [pictures.picture_restart, kpu.kpu_restart]
    calls = calls_of(files, pictures, parts, system, kpu)
    threading.Thread(target=_obey, args=(parts, processor), daemon=True).start()
    print(json.dumps({"port": line.port, "profile": profile.name}), flush=True)
    try:
        processor.serve(line, calls, lambda: system.stolen_ms)
    finally:
        processor.close()


def _obey(parts: Parts, processor: Processor) -> None:
    """Do what stands on standard input: a line of JSON each. The end of it ends the board."""
    with os.fdopen(0, "rb", buffering=0, closefd=False) as orders:
        for line in orders:
            order = json.loads(line)
            if "button" in order:
                parts.button_set(order["button"], order["down"])
            elif "reset" in order:
                processor.interrupt(0)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", required=True)
    for name in ("node", "package", "flash"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("sd", "frames", "lcd", "spi"):
        parser.add_argument(f"--{name}", type=Path)
    arguments = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    profile = profiles.get(arguments.pop("profile"))
    serve(profile, {name: path for name, path in arguments.items() if path})


if __name__ == "__main__":
    main()
