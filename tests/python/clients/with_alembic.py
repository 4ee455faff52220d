"""Alembic: revisions made by comparing a model with the database, run, found to have left no difference, and undone."""

import argparse
import io
import pathlib
import tempfile

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from says import run, say
from sqlalchemy.dialects import postgresql as pg

ENVIRONMENT = """
import sys
from alembic import context
import sqlalchemy as sa
engine = sa.create_engine("postgresql+psycopg://", poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=sys.modules["__main__"].target, compare_type=True,
                      compare_server_default=True, include_schemas=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
TEMPLATE = '''"""${message}"""
from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''
engine = sa.create_engine("postgresql+psycopg://")
names = {"ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s",
         "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s", "pk": "pk_%(table_name)s"}


def first():
    metadata = sa.MetaData(naming_convention=names)
    sa.Table(
        "accounts", metadata, sa.Column("id", sa.BigInteger, sa.Identity(always=True, start=10, increment=5), primary_key=True),
        sa.Column("mail", sa.String(120), nullable=False, unique=True, comment="where to write"),
        sa.Column("name", sa.Text, server_default="nobody"), sa.Column("score", sa.Numeric(10, 2), server_default="0.00", nullable=False),
        sa.Column("ratio", sa.Float), sa.Column("exact", sa.Double), sa.Column("small", sa.SmallInteger, server_default=sa.text("7")),
        sa.Column("active", sa.Boolean, server_default=sa.true(), nullable=False), sa.Column("born", sa.Date),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now()), sa.Column("local", sa.DateTime),
        sa.Column("opens", sa.Time), sa.Column("took", pg.INTERVAL), sa.Column("raw", sa.LargeBinary), sa.Column("doc", pg.JSONB,
                                                                    server_default=sa.text("'{}'::jsonb")),
        sa.Column("text_doc", sa.JSON), sa.Column("key", sa.Uuid, server_default=sa.text("gen_random_uuid()")),
        sa.Column("tags", pg.ARRAY(sa.String(20)), server_default="{}"), sa.Column("matrix", pg.ARRAY(sa.Integer, dimensions=2)),
        sa.Column("place", pg.INET), sa.Column("network", pg.CIDR), sa.Column("mac", pg.MACADDR), sa.Column("bits", pg.BIT(4)),
        sa.Column("code", sa.CHAR(3)), sa.Column("state", sa.Enum("new", "old", name="state"), server_default="new"),
        sa.Column("doubled", sa.Numeric(12, 2), sa.Computed("score * 2", persisted=True)),
        sa.CheckConstraint("score >= 0", name="score"), sa.Index("ix_lower", sa.text("lower(mail)"), unique=True),
        sa.Index("ix_part", "born", postgresql_where=sa.text("active")), sa.Index("ix_cover", "at", postgresql_include=["name"]),
        sa.Index("ix_two", "name", sa.desc("born")), comment="who pays")
    sa.Table(
        "orders", metadata, sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.ForeignKey("accounts.id", ondelete="CASCADE", onupdate="RESTRICT"), index=True, nullable=False),
        sa.Column("parent_id", sa.ForeignKey("orders.id", deferrable=True, initially="DEFERRED")), sa.Column("note", sa.Unicode(40)),
        sa.UniqueConstraint("account_id", "note", name="uq_note"))
    sa.Table("lines", metadata, sa.Column("order_id", sa.Integer, primary_key=True), sa.Column("place", sa.Integer, primary_key=True),
             sa.Column("product", sa.ForeignKey("shop.products.id", name="fk_product")), sa.ForeignKeyConstraint(["order_id"], ["orders.id"]))
    sa.Table("products", metadata, sa.Column("id", sa.Integer, sa.Sequence("product_numbers", schema="shop"), primary_key=True),
             sa.Column("price", sa.Numeric), schema="shop")
    sa.Table("tiny", metadata, sa.Column("a", sa.Integer))
    return metadata


def second():
    metadata = first()
    accounts, lines = metadata.tables["accounts"], metadata.tables["lines"]
    accounts.append_column(sa.Column("added", sa.String(10), server_default="x", nullable=False))
    accounts.append_column(sa.Column("name", sa.String(200), server_default="somebody", comment="as written"), replace_existing=True)
    accounts.append_column(sa.Column("small", sa.BigInteger, nullable=False, server_default=sa.text("7")), replace_existing=True)
    accounts._columns.remove(accounts.c.ratio)
    accounts.comment = "who pays, and when"
    accounts.indexes = {index for index in accounts.indexes if index.name != "ix_part"}
    sa.Index("ix_mac", accounts.c.mac)
    lines.append_column(sa.Column("amount", sa.Integer, nullable=False, server_default="1"))
    lines.append_constraint(sa.UniqueConstraint("product", "place", name="uq_product"))
    metadata.remove(metadata.tables["tiny"])
    sa.Table("added", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("order", sa.ForeignKey("orders.id")))
    return metadata


def differences(metadata):
    with engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True, "compare_server_default": True, "include_schemas": True})
        say("differences", str(compare_metadata(context, metadata)))


def columns():
    inspector = sa.inspect(engine)
    for schema in (None, "shop"):
        for table in sorted(inspector.get_table_names(schema)):
            for column in inspector.get_columns(table, schema):
                say(table, column["name"], str(column["type"]), column["nullable"], column["default"], column.get("comment"),
                    column.get("identity"), column.get("computed"))
            say(table, sorted(index["name"] for index in inspector.get_indexes(table, schema)),
                sorted(str(key["name"]) for key in inspector.get_foreign_keys(table, schema)),
                sorted(key["name"] for key in inspector.get_check_constraints(table, schema)))


def directly():
    with engine.begin() as db:
        db.execute(sa.schema.CreateSchema("shop"))
    metadata = first()
    metadata.create_all(engine)
    differences(metadata)
    metadata.drop_all(engine)


def revisions(config):
    global target
    target = first()
    for message in ("first", "second"):
        revision = command.revision(config, message, autogenerate=True, rev_id=message)
        text = pathlib.Path(revision.path).read_text().split("\n\n\n", 1)[1]
        for line in text.splitlines():
            say("", line)
        command.upgrade(config, "head")
        differences(target)
        columns()
        command.check(config)
        target = second()
    target = second()
    with engine.begin() as db:
        db.execute(sa.text("INSERT INTO accounts (mail) VALUES ('a@b') RETURNING id"))
        say("rows", [tuple(row) for row in db.execute(sa.text("SELECT id, name, added, small, state, doubled FROM accounts"))])
    command.downgrade(config, "first")
    differences(first())
    command.downgrade(config, "base")
    say("left", sa.inspect(engine).get_table_names(), sa.inspect(engine).get_enums())


def operations():
    """What revisions are written of by hand."""
    from alembic.operations import Operations

    with engine.begin() as db:
        op = Operations(MigrationContext.configure(db))
        op.create_table("made", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String(5)), sa.Column("b", sa.Text))
        op.bulk_insert(sa.table("made", sa.column("id"), sa.column("a"), sa.column("b")), [{"id": 1, "a": "12", "b": "x"}])
        op.alter_column("made", "a", type_=sa.Integer, postgresql_using="a::integer")
        op.alter_column("made", "b", new_column_name="c", nullable=False, server_default="y")
        op.add_column("made", sa.Column("at", sa.DateTime, server_default=sa.func.now(), nullable=False))
        op.create_check_constraint("a_small", "made", "a < 100")
        op.create_unique_constraint("c_once", "made", ["c"])
        op.create_index("made_c", "made", [sa.text("upper(c)")], if_not_exists=True)
        op.create_foreign_key("made_self", "made", "made", ["a"], ["id"], deferrable=True, postgresql_not_valid=True)
        op.create_table_comment("made", "by hand")
        op.rename_table("made", "renamed")
        op.execute("ALTER SEQUENCE made_id_seq RENAME TO renamed_id_seq")
        op.drop_constraint("made_self", "renamed", type_="foreignkey")
        op.drop_index("made_c", if_exists=True)
        op.drop_column("renamed", "at")
        op.execute("CREATE TYPE letters AS ENUM ('x', 'y')")
        with op.batch_alter_table("renamed") as batch:
            batch.add_column(sa.Column("d", pg.ENUM("x", "y", name="letters", create_type=True)))
            batch.alter_column("c", server_default=None)
        say("rows", [tuple(row) for row in db.execute(sa.text("SELECT * FROM renamed"))])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        op = Operations(MigrationContext.configure(db))
        op.create_index("renamed_c", "renamed", ["c"], postgresql_concurrently=True)
        op.execute("ALTER TYPE letters ADD VALUE IF NOT EXISTS 'z' AFTER 'x'")
        op.execute("ALTER TABLE renamed VALIDATE CONSTRAINT a_small")
        say("labels", sa.inspect(db).get_enums()[0]["labels"])
        op.drop_index("renamed_c", postgresql_concurrently=True)
        op.drop_table("renamed")


run(directly)
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENVIRONMENT)
    (folder / "script.py.mako").write_text(TEMPLATE)
    config = Config(stdout=io.StringIO(), cmd_opts=argparse.Namespace(quiet=True))
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    run(revisions, config)
run(operations)
