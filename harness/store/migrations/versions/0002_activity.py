"""What runs at this moment."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "activity",
        sa.Column("key", sa.String, primary_key=True, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in ("method", "title")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("done", "total")),
        *(sa.Column(name, sa.String, nullable=False) for name in ("note", "updated")),
    )
