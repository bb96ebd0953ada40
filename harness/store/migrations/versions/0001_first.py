"""The first version of the store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _run(primary_key: bool = True) -> sa.Column[int]:
    return sa.Column(
        "run",
        sa.Integer,
        sa.ForeignKey("run.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
        index=not primary_key,
    )


def _text(
    name: str, *, primary_key: bool = False, unique: bool | None = None, index: bool | None = None
) -> sa.Column[str]:
    return sa.Column(
        name, sa.String, nullable=False, primary_key=primary_key, unique=unique, index=index
    )


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def upgrade() -> None:
    """Make all tables."""
    _runs()
    _figures()
    _pictures()
    _judgements()


def _runs() -> None:
    op.create_table(
        "data_set",
        _text("fingerprint", primary_key=True),
        sa.Column("items", sa.Integer, nullable=False),
        *(_json(name) for name in ("ids", "sha256s", "labels")),
    )
    words = "method created verdict git_commit harness_version board_kind firmware serial_number"
    op.create_table(
        "run",
        _key(),
        _text("run_id", unique=True),
        *(_text(name) for name in words.split()),
        _text("kmodel_sha256"),
        _text("weights_sha256"),
        sa.Column("data_set", sa.String, sa.ForeignKey("data_set.fingerprint")),
        *(_json(name) for name in ("environment", "contract", "document")),
    )
    op.create_index("run_by_method", "run", ["method", "created"])


def _figures() -> None:
    op.create_table(
        "metric",
        _key(),
        _run(primary_key=False),
        *(_text(name) for name in ("backend", "output", "layer", "name")),
        _number("value"),
    )
    op.create_table(
        "latency",
        _run(),
        _text("backend", primary_key=True),
        *(_number(name) for name in ("p50", "p95", "p99")),
        sa.Column("n", sa.Integer, nullable=False),
    )
    op.create_table(
        "answers",
        _run(),
        _text("backend", primary_key=True),
        _json("predicted"),
        _json("scores"),
    )


def _pictures() -> None:
    op.create_table(
        "artefact",
        _run(),
        _text("name", primary_key=True),
        _text("sha256"),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "picture",
        _text("sha256", primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "run_picture",
        _run(),
        _text("name", primary_key=True),
        _text("caption"),
        sa.Column("picture", sa.String, sa.ForeignKey("picture.sha256"), nullable=False),
    )


def _judgements() -> None:
    op.create_table(
        "sign_off",
        _key(),
        _text("name", index=True),
        sa.Column("run", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        *(_text(name) for name in ("who", "why", "created")),
    )
    op.create_table(
        "gate_result",
        _key(),
        _run(primary_key=False),
        sa.Column("baseline", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        _text("verdict"),
        _text("created"),
        _json("document"),
    )
