"""What Alembic runs: every step on the connection, and in the transaction, that it is given."""

from alembic import context

from harness.store.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
