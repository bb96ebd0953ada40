"""The tables, as SQLAlchemy maps them; `migrations/` is what makes them.

A data set and a picture are kept once, under their hash, however many runs share them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar = {dict[str, Any]: JSON, list[Any]: JSON, float: Double}


class DataSet(Base):
    """What a run looked at: the items in order, under the hash of all of it."""

    __tablename__ = "data_set"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    items: Mapped[int]
    ids: Mapped[list[Any]]
    sha256s: Mapped[list[Any]]
    labels: Mapped[list[Any]]


class Run(Base):
    """One run. `created` is ISO 8601 in UTC; `document` is its `report.json`."""

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(unique=True)
    method: Mapped[str]
    created: Mapped[str]
    verdict: Mapped[str]
    data_set: Mapped[str | None] = mapped_column(ForeignKey("data_set.fingerprint"))
    git_commit: Mapped[str]
    harness_version: Mapped[str]
    board_kind: Mapped[str]
    firmware: Mapped[str]
    serial_number: Mapped[str]
    kmodel_sha256: Mapped[str]
    weights_sha256: Mapped[str]
    environment: Mapped[dict[str, Any]]
    contract: Mapped[dict[str, Any]]
    document: Mapped[dict[str, Any]] = mapped_column(deferred=True)

    __table_args__ = (Index("run_by_method", "method", "created"),)


class Metric(Base):
    """One figure of a backend; `output` and `layer` are empty where it is about the whole."""

    __tablename__ = "metric"

    id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    backend: Mapped[str]
    output: Mapped[str]
    layer: Mapped[str]
    name: Mapped[str]
    value: Mapped[float]


class Latency(Base):
    """Percentiles of one backend in milliseconds, over `n` items."""

    __tablename__ = "latency"

    run: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    backend: Mapped[str] = mapped_column(primary_key=True)
    p50: Mapped[float]
    p95: Mapped[float]
    p99: Mapped[float]
    n: Mapped[int]


class Answers(Base):
    """What one backend made of every item, in the order of the data set.

    `predicted` holds names of classes, and is empty where there are none; `scores` holds a list
    a score, null where it is no number.
    """

    __tablename__ = "answers"

    run: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    backend: Mapped[str] = mapped_column(primary_key=True)
    predicted: Mapped[list[Any]]
    scores: Mapped[dict[str, Any]]


class Artefact(Base):
    """One file of a run folder, by hash."""

    __tablename__ = "artefact"

    run: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)


class Picture(Base):
    """The bytes of a picture."""

    __tablename__ = "picture"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class RunPicture(Base):
    """One picture of a run: its name there, and what it shows."""

    __tablename__ = "run_picture"

    run: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    caption: Mapped[str]
    picture: Mapped[str] = mapped_column(ForeignKey("picture.sha256"))


class SignOff(Base):
    """A run became a baseline: the last line of a name holds. Nothing here is ever changed."""

    __tablename__ = "sign_off"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    run: Mapped[int] = mapped_column(ForeignKey("run.id"))
    who: Mapped[str]
    why: Mapped[str]
    created: Mapped[str]


class GateResult(Base):
    """What a gate said of a run against another."""

    __tablename__ = "gate_result"

    id: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), index=True)
    baseline: Mapped[int] = mapped_column(ForeignKey("run.id"))
    verdict: Mapped[str]
    created: Mapped[str]
    document: Mapped[dict[str, Any]]


class ActivityLine(Base):
    """What a run does at this moment; `updated` is ISO 8601 in UTC."""

    __tablename__ = "activity"

    key: Mapped[str] = mapped_column(primary_key=True)
    method: Mapped[str]
    title: Mapped[str]
    done: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[str]
    updated: Mapped[str]
