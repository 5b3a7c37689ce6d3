"""Run migrations on the connection that `adapters.store.sql.migrate` hands over, inside its transaction."""

from alembic import context

from adapters.store.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
