"""`k210 convert`: a kmodel file in an older version, and its contract beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from harness.compiler.contract import (
    CONTRACT_FILE,
    ModelContract,
    OutputRecord,
    StockRecord,
    read_contract,
    sha256,
)
from harness.convert import Conversion, convert
from harness.errors import ContractError, UsageError
from harness.files import write_bytes
from harness.kmodel import load, save
from harness.kmodel.firmware import Firmware


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        file: The kmodel.
        sha256: Its hash.
        conversion: How it was made.
        firmware: What it was made for, if that was said.
        outputs: Shapes by name, in file order; a file of version 4 does not store them.
        contract: Where the shapes were written, or None.
        remark: Why they were not.
    """

    file: Path
    sha256: str
    conversion: Conversion
    firmware: Firmware | None
    outputs: dict[str, tuple[int, ...]]
    contract: Path | None
    remark: str


def convert_file(
    source: Path,
    out: Path,
    version: int | None,
    firmware: Firmware | None = None,
    *,
    allow_last_bit: bool = False,
) -> Converted:
    """Convert a file, and extend the contract beside it or write a minimal one.

    Args:
        source: kmodel of a newer version.
        out: File to write; one that is there is replaced.
        version: 3 or 4; None for the newest that the firmware loads.
        firmware: Whose memory the result has to fit.
        allow_last_bit: See `harness.convert.convert`.

    Raises:
        UsageError: `out` is the input or a folder, or nothing says the version.
        KModelError: `source` is no kmodel.
        ConversionError: Operations are in the way, or it does not fit.
        OSError: A file cannot be read or written.
    """
    _check(source, out)
    raw = source.read_bytes()
    conversion = convert(
        load(raw), _version(version, firmware), firmware, allow_last_bit=allow_last_bit
    )
    data = save(conversion.program)
    found = _contract_for(source, raw, conversion)
    there, foreign = _contract_in(out.parent, found, out.name)
    found = found.model_copy(update={"stock": there or found.stock})
    found = found.with_stock(out.name, cast("Literal[3, 4]", conversion.program.version), data)
    write_bytes(out, data)
    contract = None if foreign else found.write(out.parent)
    outputs = {output.name: output.shape for output in found.outputs}
    return Converted(out, sha256(data), conversion, firmware, outputs, contract, foreign)


def _check(source: Path, out: Path) -> None:
    if out.is_dir():
        raise UsageError(f"{out} is a folder", "name the file to write")
    if out.resolve() == source.resolve() or (out.exists() and out.samefile(source)):
        raise UsageError(f"{out} is the input itself: nothing was written", "name another file")
    if out.name == CONTRACT_FILE:
        raise UsageError(f"{out.name} is the name of a contract", "name the kmodel otherwise")


def _version(version: int | None, firmware: Firmware | None) -> Literal[3, 4]:
    if version is None and firmware is None:
        raise UsageError(
            "nothing says which version to write", "give --to v3, --to v4 or --firmware"
        )
    chosen = version if version is not None else firmware.versions[-1] if firmware else 4
    return cast("Literal[3, 4]", chosen)


def _contract_for(source: Path, raw: bytes, conversion: Conversion) -> ModelContract:
    """Return the contract beside the source if it is the source's, or a minimal one."""
    try:
        contract = read_contract(source.parent)
        contract.check(raw)
    except ContractError:
        ports = conversion.source.outputs
        outputs = tuple(OutputRecord(name=port.name, shape=port.buffer.shape) for port in ports)
        return ModelContract(schema=1, name=source.stem, outputs=outputs, kmodel_sha256=sha256(raw))
    return contract


def _contract_in(
    folder: Path, contract: ModelContract, name: str
) -> tuple[tuple[StockRecord, ...], str]:
    """Return what a contract in a folder says of other files of the same model.

    Or why the contract that lies there has to stay as it is.
    """
    if not (folder / CONTRACT_FILE).exists():
        return (), ""
    try:
        there = read_contract(folder)
    except ContractError:
        return (), f"{CONTRACT_FILE} beside it is no contract of ours and was left as it is"
    if there.kmodel_sha256 == contract.kmodel_sha256:
        return there.stock, ""
    if there.input is None and name in {one.file for one in there.stock}:
        return (), ""  # of an older model, of which this file was made before
    return (), f"{CONTRACT_FILE} beside it belongs to another model and was left as it is"
