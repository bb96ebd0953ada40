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
from collections.abc import Sequence
from pathlib import Path

from harness.board.virtual import profile as profiles
from harness.board.virtual.fault_plan import Fault, parse
from harness.board.virtual.line import Line
from harness.board.virtual.processor import Calls, Processor
from harness.board.virtual.profile import Profile
from harness.board.virtual.services.files import Files
from harness.board.virtual.services.kpu import Kpu
from harness.board.virtual.services.pace import Pace
from harness.board.virtual.services.parts import Parts
from harness.board.virtual.services.pictures import Pictures
from harness.board.virtual.services.system import System
from harness.board.virtual.troubles import Troubles
from harness.board.whereabouts import record_virtual
from harness.timing import Law
from harness.timing.profile import read_law


def calls_of(*services: object) -> Calls:
    """Return the public methods of services by name."""
    return {
        name: getattr(service, name)
        for service in services
        for name in dir(service)
        if name[0] != "_" and callable(getattr(service, name))
    }


def serve(
    profile: Profile,
    paths: dict[str, Path],
    name: str,
    faults: Sequence[Fault] = (),
    paced: bool = True,
    law: Law | None = None,
) -> None:
    """Start a board and serve it until its process ends."""
    processor = Processor(paths["node"], paths["package"], profile)
    troubles = Troubles(faults, paths.get("fault_log"))
    line = Line(processor.interrupt, paced, troubles, lambda port: record_virtual(name, port))
    troubles.line, troubles.restart = line, lambda: _reset(processor, line)
    files = Files({name: paths[name] for name in ("flash", "sd") if name in paths})
    for fault in faults:
        if fault.kind == "full":
            files.shrink(fault.system, fault.free)
            troubles.note(f"/{fault.system} has {fault.free} bytes free", "full", "bytes", 0)
    signal.signal(signal.SIGUSR1, lambda *_: _power_cycle(processor, line))
    pictures = Pictures(files, paths.get("frames"), paths.get("lcd"), profile.size)
    parts = Parts(paths.get("spi"))
    system = System(profile, line, files)
    pace = Pace(profile, system, law, paced)
    kpu = Kpu(profile, files, pace, pictures, paths["flash"].parent / "image")
    system.restarts += [pictures.picture_restart, kpu.kpu_restart]
    calls = troubles.around(calls_of(files, pictures, parts, system, pace, kpu))
    threading.Thread(target=_obey, args=(parts, processor, line), daemon=True).start()
    print(json.dumps({"port": line.port, "profile": profile.name}), flush=True)
    try:
        processor.serve(line, calls, lambda: system.stolen_ms)
    finally:
        record_virtual(name, None)
        processor.close()


def _reset(processor: Processor, line: Line) -> None:
    processor.interrupt(0)
    line.wake()


def _power_cycle(processor: Processor, line: Line) -> None:
    line.wedged = False
    _reset(processor, line)


def _obey(parts: Parts, processor: Processor, line: Line) -> None:
    """Do what stands on standard input: a line of JSON each. The end of it ends the board."""
    with os.fdopen(0, "rb", buffering=0, closefd=False) as orders:
        for text in orders:
            order = json.loads(text)
            if "button" in order:
                parts.button_set(order["button"], order["down"])
            elif "reset" in order and not line.wedged:
                _reset(processor, line)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", required=True)
    for name in ("node", "package", "flash"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("sd", "frames", "lcd", "spi", "fault_log"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--unpaced", action="store_true")
    parser.add_argument("--timing", type=Path)
    parser.add_argument("--fault", action="append", default=[])
    arguments = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    profile = profiles.get(arguments.pop("profile"))
    faults = [parse(text) for text in arguments.pop("fault")]
    name, unpaced = arguments.pop("name"), arguments.pop("unpaced")
    timing: Path | None = arguments.pop("timing")
    paths = {name: path for name, path in arguments.items() if path}
    serve(profile, paths, name, faults, not unpaced, read_law(timing) if timing else None)


if __name__ == "__main__":
    main()
