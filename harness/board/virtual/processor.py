"""The Node process that runs MicroPython, and the answers to what it asks."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from harness.board.virtual.faults import BoardFault, HardReset
from harness.board.virtual.line import CTRL_C, Line
from harness.board.virtual.profile import HEAP_BYTES, Profile

NODE_FOLDER = Path(__file__).resolve().parent / "node"
MODULES = Path(__file__).resolve().parent / "modules"
# Modules that import statements find without help.
BUILTIN = (
    "array builtins cmath collections errno framebuf gc hashlib heapq io js json math random re "
    "select struct sys time ubinascii binascii ucollections uctypes uerrno uhashlib uheapq uio "
    "ujson urandom ure uselect ustruct utime uzlib zlib micropython _board"
)

Calls = Mapping[str, Callable[..., Any]]


class Processor:
    """One Node process and its three pipes.

    Args:
        node: The program.
        package: Folder of the npm package.
        profile: Which firmware.
    """

    def __init__(self, node: Path, package: Path, profile: Profile) -> None:
        requests_in, requests_out = os.pipe()
        replies_in, replies_out = os.pipe()
        interrupts_in, self._interrupts = os.pipe()
        os.set_blocking(interrupts_in, False)
        os.set_blocking(self._interrupts, False)
        theirs = (requests_out, replies_in, interrupts_in)
        config = {
            "engine": str(NODE_FOLDER / f"{profile.engine}.js"),
            "package": str(package),
            "descriptors": theirs,
            "heap_bytes": HEAP_BYTES,
            "banner": profile.banner,
            "raw_paste": profile.engine == "modern",
            "builtin": BUILTIN.split(),
            "start": _start_text(),
        }
        self._process = subprocess.Popen(
            [str(node), str(NODE_FOLDER / "engine.js"), json.dumps(config)],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        for descriptor in theirs:
            os.close(descriptor)
        self._requests: BinaryIO = os.fdopen(requests_in, "rb")
        self._replies: BinaryIO = os.fdopen(replies_out, "wb")

    def interrupt(self, byte: int = CTRL_C) -> None:
        """Tell MicroPython that Ctrl-C came; 0 is a reset."""
        try:
            os.write(self._interrupts, bytes([byte]))
        except OSError:
            return  # many wait already, or the process is gone

    def serve(self, line: Line, calls: Calls, stolen_ms: Callable[[], float]) -> None:
        """Answer until the process ends."""
        while message := self._receive():
            request, payload = message
            line.used(request["used"])
            operation = request["op"]
            if operation == "running":
                line.interrupt_char = CTRL_C
            elif operation == "write":
                line.write(payload)
                self._reply({})
            elif operation == "read":
                self._reply({}, _read(line, request))
            else:
                reply, data = _answer(calls, request, payload)
                self._reply({**reply, "stolen_ms": stolen_ms()}, data)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait(10)
        for stream in (self._requests, self._replies):
            try:
                stream.close()
            except OSError:
                continue

    def _receive(self) -> tuple[dict[str, Any], bytes] | None:
        head = self._requests.read(8)
        if len(head) < 8:
            return None
        text, payload = struct.unpack("<2I", head)
        return json.loads(self._requests.read(text)), self._requests.read(payload)

    def _reply(self, message: dict[str, Any], payload: bytes = b"") -> None:
        text = json.dumps(message).encode()
        self._replies.write(struct.pack("<2I", len(text), len(payload)) + text + payload)
        self._replies.flush()


def _read(line: Line, request: dict[str, Any]) -> bytes:
    if request["prompt"]:
        line.interrupt_char = -1
    wait_ms = request["wait_ms"]
    return line.lend(request["count"], None if wait_ms < 0 else wait_ms / 1000)


def _answer(calls: Calls, request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    arguments, at = [], 0
    for argument in request["args"]:
        if isinstance(argument, dict):
            arguments.append(payload[at : at + argument["bytes"]])
            at += argument["bytes"]
        else:
            arguments.append(argument)
    try:
        value = calls[request["name"]](*arguments)
    except BoardFault as fault:
        return {"error": [fault.kind, fault.arguments]}, b""
    except HardReset:
        return {"reset": True}, b""
    except Exception as error:  # a wrong argument ends the program, not the board
        text = f"virtual board: {request['name']}: {type(error).__name__}: {error}"
        return {"error": ["RuntimeError", [text]]}, b""
    if isinstance(value, bytes):
        return {}, value
    return {"value": value}, b""


def _start_text() -> str:
    code = (MODULES / "_board.py").read_text()
    return f"exec(compile({code!r}, '\\x01_board', 'exec'), {{'__name__': '_board'}})"
