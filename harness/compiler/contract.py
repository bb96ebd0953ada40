"""`contract.json`: what the bytes beside it are, what they eat, and where they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import ContractError
from harness.files import write_text
from harness.method import ColorOrder, InputContract, ResizeRule

if TYPE_CHECKING:
    from torch import nn

CONTRACT_FILE = "contract.json"
KMODEL_FILE = "model.kmodel"
ONNX_FILE = "model.onnx"
# So many folders are named where none was given.
_SHOWN = 4


def stock_file(version: int) -> str:
    """Return the name of a model converted for stock firmware, beside `model.kmodel`."""
    return f"model.v{version}.kmodel"


class _Record(BaseModel):
    # Later versions may add fields; a reader of this version lets them pass.
    model_config = ConfigDict(frozen=True, extra="ignore")


class InputRecord(_Record):
    """The input, field by field as in `harness.method.InputContract`."""

    dtype: Literal["uint8"]
    layout: Literal["NCHW"]
    shape: tuple[int, int, int]
    color: ColorOrder
    range: tuple[float, float]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: ResizeRule

    @classmethod
    def of(cls, contract: InputContract) -> InputRecord:
        """Copy a contract into the record that is written."""
        return cls.model_validate(vars(contract))

    def to_contract(self) -> InputContract:
        """Return the contract, checked again."""
        return InputContract(**self.model_dump())


class OutputRecord(_Record):
    """One output: its name and its shape for a batch of one."""

    name: str
    shape: tuple[int, ...]


class StockRecord(_Record):
    """The same model in a version that stock firmware loads: the same bits out of the same bytes.

    A file of version 4 does not store the shapes of its outputs; the contract's hold for it.
    """

    file: str
    version: Literal[3, 4]
    sha256: str


class ModelContract(_Record):
    """The whole of `contract.json`, schema 1.

    A kmodel from elsewhere comes without the fields that have a default: then only its outputs
    are known.

    Attributes:
        name: Name of the deployable.
        input: Which bytes the model eats. Scaling, mean and std run inside the model.
        outputs: In file order.
        stock: The same model in older versions.
        stock_refusal: Why there is none; empty if there is, or if none was tried.
        kmodel_sha256: Hash of the kmodel that this contract belongs to.
        weights_sha256: Hash of the source model's weights.
        onnx_sha256: Hash of the ONNX model that was compiled; empty where it came from TFLite, or
            from a version that did not write it.
        compiler: Compiler and version, such as "nncase 1.9.0.20230322".
        calibration: Method, number of images, and hash of their bytes.
        seeds: Every seed by name.
        legalise: Rewrites that were asked for: name → mode.
        rewrites: What the legaliser changed, one line each.
    """

    schema_: Literal[1] = Field(1, alias="schema")
    name: str
    input: InputRecord | None = None
    outputs: tuple[OutputRecord, ...]
    kmodel_sha256: str
    weights_sha256: str = ""
    onnx_sha256: str = ""
    compiler: str = ""
    calibration: CalibrationRecord | None = None
    seeds: Mapping[str, int] = Field(default_factory=dict)
    legalise: Mapping[str, str] = Field(default_factory=dict)
    rewrites: tuple[str, ...] = ()
    stock: tuple[StockRecord, ...] = ()
    stock_refusal: str = ""

    @property
    def hashes(self) -> frozenset[str]:
        """The kmodels that this contract is for."""
        return frozenset((self.kmodel_sha256, *(one.sha256 for one in self.stock)))

    def with_stock(self, file: str, version: Literal[3, 4], data: bytes) -> ModelContract:
        """Return the contract with one more converted model; one of that name is replaced."""
        others = tuple(one for one in self.stock if one.file != file)
        record = StockRecord(file=file, version=version, sha256=sha256(data))
        return self.model_copy(update={"stock": (*others, record), "stock_refusal": ""})

    def write(self, folder: Path) -> Path:
        """Write `contract.json` into a folder and return its path."""
        path = folder / CONTRACT_FILE
        write_text(path, self.model_dump_json(indent=2, by_alias=True) + "\n")
        return path

    def check(self, kmodel: bytes) -> None:
        """Make sure that a kmodel is the one this contract was written for, or made of that.

        Raises:
            ContractError: It is another one.
        """
        if sha256(kmodel) not in self.hashes:
            raise ContractError(
                f"the kmodel is not the one that {CONTRACT_FILE} was written for "
                f"(sha256 {sha256(kmodel)[:12]}…, expected {self.kmodel_sha256[:12]}…)",
                "compile again, or copy both files of the same run",
            )


class CalibrationRecord(_Record):
    """What quantisation looked at."""

    method: str
    images: int
    sha256: str


ModelContract.model_rebuild()


def read_contract(folder: Path) -> ModelContract:
    """Read `contract.json` from a folder.

    Raises:
        ContractError: It is missing, not JSON, of another schema, or inconsistent.
    """
    path = folder / CONTRACT_FILE
    try:
        contract = ModelContract.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _no_contract(folder, error) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ContractError(
            f"{path}: {where}: {first['msg']}", "compile the model again to renew the file"
        ) from error
    if contract.input is not None:
        contract.input.to_contract()
    return contract


def _no_contract(folder: Path, error: OSError) -> ContractError:
    """Return the error of a folder that is none of ours, with the ones inside that are."""
    inside = sorted(path.parent.name for path in folder.glob(f"*/{CONTRACT_FILE}"))
    remedy = "name a folder that k210 run, k210 compare or k210 compile has written"
    if inside:
        more = ", …" if len(inside) > _SHOWN else ""
        remedy += f", such as one of these inside: {', '.join(inside[:_SHOWN])}{more}"
    if not folder.exists():
        return ContractError(f"there is no folder {folder}", remedy)
    return ContractError(f"{folder / CONTRACT_FILE} cannot be read: {error.strerror}", remedy)


def read_model(folder: Path) -> tuple[ModelContract, bytes]:
    """Read a kmodel with its contract, and make sure that they belong together.

    Raises:
        ContractError: One of the two is missing or damaged, or they do not.
    """
    contract = read_contract(folder)
    path = folder / KMODEL_FILE
    try:
        kmodel = path.read_bytes()
    except OSError as error:
        raise ContractError(
            f"{path} cannot be read: {error.strerror}",
            "run k210 run, k210 compare or k210 compile again: it writes the file",
        ) from error
    contract.check(kmodel)
    return contract, kmodel


def read_onnx(folder: Path, contract: ModelContract) -> bytes:
    """Read the float model beside a kmodel, and make sure that it is the one that was compiled.

    Raises:
        ContractError: It is missing, or another one.
    """
    path = folder / ONNX_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ContractError(
            f"{path} cannot be read: {error.strerror}",
            "it is the float model, which a model from TFLite does not have; else compile again",
        ) from error
    if contract.onnx_sha256 not in ("", sha256(data)):
        raise ContractError(
            f"{path} is not the one that was compiled (sha256 {sha256(data)[:12]}…, "
            f"{CONTRACT_FILE} says {contract.onnx_sha256[:12]}…)",
            "compile again, or copy all files of the same run",
        )
    return data


def sha256(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def weights_sha256(module: nn.Module) -> str:
    """Return one hash over the names, types, shapes and bytes of a module's state."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        digest.update(f"{name}:{array.dtype}:{array.shape};".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
