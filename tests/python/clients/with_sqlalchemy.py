"""SQLAlchemy 2: what its Inspector finds in a schema with everything in it, the ORM, and Core with what PostgreSQL adds."""

import asyncio
import datetime as dt
import enum
import pathlib
import uuid
from decimal import Decimal

import psycopg
import sqlalchemy as sa
from says import run, say
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Mapped, mapped_column, relationship

SCHEMAS = (None, "other")


def plain(value):
    """What an Inspector says, with types as SQL and without the names of Python's classes."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, sa.types.TypeEngine):
        try:
            kind = value.compile(dialect=pg.dialect())
        except sa.exc.CompileError:
            kind = "?"
        return f"{type(value).__name__} {kind}" + (f" {value.enums}" if isinstance(value, sa.Enum) else "")
    return value


def reflection(engine):
    inspector = sa.inspect(engine)
    say("schemas", inspector.get_schema_names(), inspector.default_schema_name)
    for schema in SCHEMAS:
        say("names", schema, inspector.get_table_names(schema), sorted(inspector.get_view_names(schema)),
            inspector.get_materialized_view_names(schema), sorted(inspector.get_sequence_names(schema)),
            sorted(inspector.get_temp_table_names()), sorted(inspector.get_temp_view_names()),
            inspector.get_foreign_table_names(schema))
        say("enums", plain(sorted(inspector.get_enums(schema), key=lambda each: each["name"])))
        say("domains", plain(sorted(inspector.get_domains(schema), key=lambda each: each["name"])))
        relations = inspector.get_table_names(schema) + inspector.get_view_names(schema)
        for name in sorted(relations + inspector.get_materialized_view_names(schema)):
            for column in inspector.get_columns(name, schema):
                say("column", name, plain(column))
            say("primary key", name, inspector.get_pk_constraint(name, schema))
            for key in sorted(inspector.get_foreign_keys(name, schema), key=lambda each: each["name"]):
                say("foreign key", name, key)
            for index in sorted(inspector.get_indexes(name, schema), key=lambda each: each["name"]):
                say("index", name, index)
            for each in sorted(inspector.get_unique_constraints(name, schema), key=lambda each: each["name"]):
                say("unique", name, each)
            for each in sorted(inspector.get_check_constraints(name, schema), key=lambda each: each["name"]):
                say("check", name, each)
            say("comment", name, inspector.get_table_comment(name, schema), inspector.get_table_options(name, schema))
            say("oid", name, inspector.get_table_oid(name, schema) > 16383)
        for name in sorted(inspector.get_view_names(schema) + inspector.get_materialized_view_names(schema)):
            say("view", name, inspector.get_view_definition(name, schema))
        say("order", [table for table, _ in inspector.get_sorted_table_and_fkc_names(schema)])
        many = inspector.get_multi_columns(schema=schema, kind=ObjectKind.ANY, scope=ObjectScope.ANY)
        say("many", sorted((key[1], len(value)) for key, value in many.items()))
    say("has", inspector.has_table("books"), inspector.has_table("titles"), inspector.has_table("nowhere"),
        inspector.has_table("books", schema="other"), inspector.has_sequence("numbers"), inspector.has_sequence("nowhere"),
        inspector.has_schema("other"), inspector.has_schema("nowhere"), inspector.has_index("books", "books_title"))
    with engine.connect() as db:
        say("has type", inspector.dialect.has_type(db, "status"), inspector.dialect.has_type(db, "nothing"))
        db.execute(sa.text("CREATE TEMPORARY TABLE passing (a int PRIMARY KEY, b text)"))
        inside = sa.inspect(db)
        say("temporary", inside.get_temp_table_names(), inside.has_table("passing"), plain(inside.get_columns("passing")))
    try:
        inspector.get_columns("nowhere")
    except sa.exc.NoSuchTableError as error:
        say("no such table", str(error))


def whole(engine):
    """All tables at once, and made again elsewhere from what was found."""
    metadata = sa.MetaData()
    metadata.reflect(engine, schema="other", views=True)
    metadata.reflect(engine, views=True)
    for name in sorted(metadata.tables):
        table = metadata.tables[name]
        say("table", name, table.comment, sorted(str(key.target_fullname) for key in table.foreign_keys))
        if any(isinstance(column.type, sa.types.NullType) for column in table.columns):
            continue
        for line in str(sa.schema.CreateTable(table).compile(dialect=engine.dialect)).strip().splitlines():
            say("", line.rstrip())
        for index in sorted(table.indexes, key=lambda each: each.name):
            say("index", str(sa.schema.CreateIndex(index).compile(dialect=engine.dialect)))


class Base(orm.DeclarativeBase):
    type_annotation_map = {dict: pg.JSONB, list[str]: pg.ARRAY(sa.Text)}


class Kind(enum.Enum):
    small = "s"
    large = "l"


membership = sa.Table("membership", Base.metadata, sa.Column("user_id", sa.ForeignKey("users.id"), primary_key=True),
                      sa.Column("team_id", sa.ForeignKey("teams.id"), primary_key=True))


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50), unique=True)
    kind: Mapped[Kind] = mapped_column(default=Kind.small)
    settings: Mapped[dict] = mapped_column(default=dict)
    tags: Mapped[list[str]] = mapped_column(default=list)
    key: Mapped[uuid.UUID] = mapped_column(default=lambda: uuid.UUID(int=1))
    balance: Mapped[Decimal] = mapped_column(sa.Numeric(12, 2), server_default="0")
    born: Mapped[dt.date | None]
    seen: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    stay: Mapped[dt.timedelta | None]
    photo: Mapped[bytes | None] = mapped_column(deferred=True)
    doubled: Mapped[Decimal] = mapped_column(sa.Numeric, sa.Computed("balance * 2", persisted=True))
    version: Mapped[int] = mapped_column(default=0)
    posts: Mapped[list["Post"]] = relationship(back_populates="author", cascade="all, delete-orphan", order_by="Post.id")
    teams: Mapped[list["Team"]] = relationship(secondary=membership, back_populates="members", order_by="Team.id")
    __mapper_args__ = {"version_id_col": version}


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    members: Mapped[list[User]] = relationship(secondary=membership, back_populates="teams", order_by=User.id)


class Post(Base):
    __tablename__ = "posts"
    __table_args__ = (sa.Index("posts_title", sa.text("lower(title)")), sa.CheckConstraint("length(title) > 0", name="titled"))
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("posts.id"))
    title: Mapped[str]
    type: Mapped[str] = mapped_column(default="post")
    author: Mapped[User] = relationship(back_populates="posts")
    children: Mapped[list["Post"]] = relationship(order_by="Post.id")
    __mapper_args__ = {"polymorphic_on": "type", "polymorphic_identity": "post"}


class Article(Post):
    __tablename__ = "articles"
    id: Mapped[int] = mapped_column(sa.ForeignKey("posts.id"), primary_key=True)
    body: Mapped[str] = mapped_column(sa.Text)
    __mapper_args__ = {"polymorphic_identity": "article"}


def mapped(engine):
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        ann = User(name="ann", kind=Kind.large, settings={"theme": "dark", "n": [1, 2]}, tags=["a", "b"], born=dt.date(1990, 1, 2),
                   seen=dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), stay=dt.timedelta(hours=30), photo=b"\x00\x01",
                   balance=Decimal("10.50"))
        ann.posts = [Post(title="First"), Article(title="Second", body="long")]
        ann.teams = [Team(name="red"), Team(name="blue")]
        session.add(ann)
        session.add_all([User(name=f"user {each}") for each in range(1, 200)])
        session.commit()
        say("ids", ann.id, [post.id for post in ann.posts], ann.doubled, ann.version)
        ann.balance += 1
        ann.settings = {**ann.settings, "theme": "light"}
        session.commit()
        say("changed", ann.balance, ann.doubled, ann.settings, ann.version, ann.photo, ann.stay, ann.kind.name)
        found = session.scalars(sa.select(User).options(orm.selectinload(User.posts), orm.joinedload(User.teams)).where(
            User.name == "ann")).unique().all()
        say("loaded", [(user.name, [type(post).__name__ for post in user.posts], [team.name for team in user.teams]) for user in found])
        say("counted", session.execute(sa.select(User.kind, sa.func.count()).group_by(User.kind).order_by(User.kind)).all().__repr__())
        say("joined", session.execute(sa.select(User.name, Post.title).join(Post).order_by(Post.id)).all().__repr__())
        say("outer", session.execute(sa.select(User.name, sa.func.count(Post.id)).outerjoin(User.posts).group_by(User.id).order_by(
            sa.desc(sa.func.count(Post.id)), User.id).limit(3)).all().__repr__())
        say("exists", session.scalars(sa.select(User.name).where(User.posts.any(Post.title.ilike("f%")))).all())
        say("documents", session.scalars(sa.select(User.name).where(User.settings["theme"].astext == "light",
            User.settings["n"][0].as_integer() == 1, User.settings.has_key("n"), User.settings.contains({"theme": "light"}))).all())
        say("arrays", session.scalars(sa.select(User.name).where(sa.type_coerce(User.tags, pg.ARRAY(sa.Text)).overlap(["b", "z"]),
            sa.type_coerce(User.tags, pg.ARRAY(sa.Text)).any("a"), sa.func.cardinality(User.tags) == 2)).all())
        child = Post(title="Reply", author=ann)
        ann.posts[0].children.append(child)
        session.flush()
        with session.begin_nested() as nested:
            session.add(User(name="passing"))
            session.flush()
            nested.rollback()
        try:
            with session.begin_nested():
                session.add(User(name="ann"))
                session.flush()
        except sa.exc.IntegrityError as error:
            say("twice", type(error.orig).__name__, error.orig.diag.constraint_name)
        session.commit()
        top = orm.aliased(Post)
        tree = sa.select(Post.id, Post.title, sa.literal(0).label("depth")).where(Post.parent_id.is_(None)).cte(recursive=True)
        tree = tree.union_all(sa.select(top.id, top.title, tree.c.depth + 1).join(tree, top.parent_id == tree.c.id))
        say("tree", session.execute(sa.select(tree).order_by(tree.c.id)).all().__repr__())
        say("updated", session.execute(sa.update(User).where(User.id > 190).values(balance=User.balance + 5).returning(
            User.id, User.balance, User.doubled)).all().__repr__())
        say("deleted", session.execute(sa.delete(User).where(User.id > 195)).rowcount)
        session.execute(sa.insert(User), [{"name": f"bulk {each}", "settings": {}, "tags": [], "key": uuid.UUID(int=each)}
                                          for each in range(1500)])
        say("bulk", session.scalar(sa.select(sa.func.count()).select_from(User)))
        say("in order", session.scalars(sa.insert(User).returning(User.name, sort_by_parameter_order=True), [
            {"name": f"sorted {each}", "settings": {}, "tags": [], "key": uuid.UUID(int=each)} for each in range(3)]).all())
        session.execute(sa.update(Post), [{"id": 1, "title": "First!"}, {"id": 2, "title": "Second!"}])
        say("streamed", sum(1 for _ in session.scalars(sa.select(User.id).execution_options(yield_per=100))))
        say("locked", session.scalars(sa.select(User.id).where(User.id == 3).with_for_update(skip_locked=True, of=User)).all())
        other = orm.Session(engine)
        stale = other.get(User, 5)
        session.get(User, 5).name = "renamed"
        session.commit()
        stale.name = "too late"
        try:
            other.commit()
        except orm.exc.StaleDataError:
            say("stale")
        other.close()
        session.delete(session.get(User, ann.id))
        session.execute(membership.delete())
        session.commit()
        say("left", session.scalar(sa.select(sa.func.count()).select_from(Post)))
    Base.metadata.drop_all(engine)
    say("dropped", sa.inspect(engine).has_table("users"))


def core(engine):
    metadata = sa.MetaData()
    things = sa.Table(
        "things", metadata, sa.Column("id", sa.Integer, sa.Sequence("thing_numbers", start=5), primary_key=True),
        sa.Column("name", sa.Text, nullable=False), sa.Column("n", sa.Integer), sa.Column("at", sa.DateTime),
        sa.Column("doc", pg.JSONB), sa.Column("tags", pg.ARRAY(sa.String)), sa.Column("place", pg.INET), sa.Column("bits", pg.BIT(3)),
        sa.Column("mood", pg.ENUM("sad", "happy", name="mood")), sa.Column("took", pg.INTERVAL),
        sa.UniqueConstraint("name", name="things_name"), sa.Index("things_n", "n", postgresql_where=sa.text("n > 0"),
                                                                 postgresql_include=["at"]),
        comment="things")
    metadata.create_all(engine)
    with engine.begin() as db:
        rows = [{"name": f"t{each}", "n": each % 3, "at": dt.datetime(2024, 1, 1) + dt.timedelta(days=each), "doc": {"k": each},
                 "tags": ["x", str(each)], "mood": "happy"} for each in range(10)]
        say("inserted", db.execute(things.insert().returning(things.c.id), rows).scalars().all())
        upsert = pg.insert(things).values([{"name": "t1", "n": 50}, {"name": "new", "n": 60}])
        upsert = upsert.on_conflict_do_update(constraint="things_name", set_={"n": upsert.excluded.n + things.c.n},
                                              where=things.c.n < 100)
        say("upserted", db.execute(upsert.returning(things.c.name, things.c.n)).all().__repr__())
        say("ignored", db.execute(pg.insert(things).values(name="t1").on_conflict_do_nothing(
            index_elements=["name"])).rowcount)
        for statement in (
            sa.select(things.c.n, sa.func.array_agg(pg.aggregate_order_by(things.c.name, things.c.name.desc()))).group_by(things.c.n)
            .order_by(things.c.n),
            sa.select(things.c.name, sa.func.row_number().over(partition_by=things.c.n, order_by=things.c.id)).order_by(things.c.id),
            sa.select(sa.func.rank().over(order_by=things.c.n), sa.func.lag(things.c.n, 1, 0).over(order_by=things.c.id),
                      sa.func.sum(things.c.n).over(order_by=things.c.id, rows=(-1, 1))).order_by(things.c.id),
            sa.select(sa.distinct(things.c.n)).order_by(things.c.n),
            sa.select(things.c.n, things.c.name).distinct(things.c.n).order_by(things.c.n, things.c.name),
            sa.select(sa.func.jsonb_build_object("a", things.c.n), sa.cast(things.c.doc["k"], sa.Integer)).order_by(things.c.id).limit(2),
            sa.select(things.c.name).where(things.c.doc.op("@?")(sa.cast("$.k ? (@ > 7)", pg.JSONPATH))).order_by(things.c.id),
            sa.select(things.c.tags[1], sa.func.unnest(things.c.tags)).where(things.c.n == 2).order_by(things.c.id).limit(4),
            sa.select(sa.extract("dow", things.c.at), sa.func.to_char(things.c.at, "YYYY-MM-DD HH24:MI")).order_by(things.c.id).limit(2),
            sa.select(sa.case((things.c.n > 1, "big"), else_="small"), sa.func.coalesce(things.c.n, 0)).order_by(things.c.id).limit(3),
            sa.select(things.c.name.regexp_match("^t[0-4]$"), things.c.name.regexp_replace("t", "u")).order_by(things.c.id).limit(2),
            sa.select(things.c.name).where(sa.tuple_(things.c.n, things.c.name).in_([(1, "t4"), (2, "t5")])).order_by(things.c.name),
            sa.select(things.c.name).where(things.c.name.in_([])),
            sa.union_all(sa.select(things.c.n), sa.select(sa.literal(99))).order_by("n").limit(3),
            sa.select(sa.func.percentile_cont(0.5).within_group(things.c.n), sa.func.mode().within_group(things.c.n)),
            sa.select(sa.func.count().filter(things.c.n > 0), sa.func.bool_and(things.c.n >= 0), sa.func.string_agg(
                sa.cast(things.c.n, sa.Text), pg.aggregate_order_by(sa.literal_column("','"), things.c.id))),
            sa.select(sa.column("x")).select_from(sa.func.generate_series(1, 5, 2).alias("x")),
            sa.select(sa.func.json_each_text(sa.cast({"a": 1}, sa.JSON)).table_valued("key", "value")),
            sa.select(sa.values(sa.column("a", sa.Integer), sa.column("b", sa.String), name="v").data([(1, "x"), (2, "y")])),
            sa.select(things.c.id, sa.select(sa.func.count()).where(things.c.n > 0).correlate(None).scalar_subquery()).limit(1),
            sa.select(things.c.n, sa.func.count()).group_by(sa.func.rollup(things.c.n)).order_by(things.c.n),
            sa.select(things.c.name).where(things.c.mood == "happy", things.c.mood > sa.cast("sad", things.c.mood.type)).limit(1),
        ):
            found = db.execute(statement).all()
            say("selected", [tuple(row) for row in found])
        lateral = sa.select(things.c.name.label("inner_name")).where(things.c.n == 2).limit(1).lateral()
        say("lateral", [tuple(row) for row in db.execute(sa.select(sa.literal(1), lateral))])
        moved = sa.delete(things).where(things.c.n == 2).returning(things.c.name).cte("moved")
        say("moved", sorted(db.execute(sa.select(moved.c.name)).scalars()))
        say("next", db.scalar(sa.Sequence("thing_numbers")), db.scalar(sa.select(sa.func.pg_get_serial_sequence("things", "id"))))
        say("description", [(column[0], column[1] if column[1] < 16384 else "own")
                            for column in db.execute(sa.select(things)).cursor.description])
    for level in ("AUTOCOMMIT", "SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "READ UNCOMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as db:
            say("level", level, db.scalar(sa.text("SHOW transaction_isolation")), db.get_isolation_level())
    with engine.connect().execution_options(postgresql_readonly=True) as db:
        try:
            db.execute(things.delete())
        except sa.exc.DBAPIError as error:
            say("read only", error.orig.sqlstate if hasattr(error.orig, "sqlstate") else error.orig.pgcode)
    with engine.connect() as db:
        transaction = db.begin()
        db.execute(things.insert().values(name="lost"))
        transaction.rollback()
        say("rolled back", db.scalar(sa.select(sa.func.count()).where(things.c.name == "lost")))
    for statement in ("SELECT nope", "INSERT INTO things (id, name) VALUES (5, NULL)", "INSERT INTO things (name) VALUES ('t1')",
                      "SELECT 1/0", "SELECT 'x'::int", "DROP TABLE nowhere", "SELECT * FROM things WHERE"):
        try:
            with engine.connect() as db:
                db.exec_driver_sql(statement)
        except sa.exc.DBAPIError as error:
            say(statement, type(error).__name__, str(error.orig).splitlines())
    metadata.drop_all(engine)


async def asynchronous():
    engine = create_async_engine("postgresql+asyncpg://")
    metadata = sa.MetaData()
    things = sa.Table("later", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("doc", pg.JSONB),
                      sa.Column("tags", pg.ARRAY(sa.Text)), sa.Column("mood", sa.Enum("sad", "happy", name="later_mood")))
    async with engine.begin() as db:
        await db.run_sync(metadata.create_all)
        say("ids", (await db.execute(things.insert().returning(things.c.id), [
            {"doc": {"n": each}, "tags": ["a"], "mood": "sad"} for each in range(3)])).scalars().all())
        say("rows", [tuple(row) for row in await db.execute(sa.select(things).where(things.c.doc["n"].as_integer() > 0).order_by(things.c.id))])
        stream = await db.stream(sa.select(things.c.id).order_by(things.c.id))
        say("streamed", [row.id async for row in stream])
        say("columns", [(column["name"], plain(column["type"])) for column in await db.run_sync(
            lambda inner: sa.inspect(inner).get_columns("later"))])
    async with engine.begin() as db:
        await db.run_sync(metadata.drop_all)
    await engine.dispose()


engine = sa.create_engine("postgresql+psycopg://")
# Without parameters, so that all of it goes as one script.
with psycopg.connect("") as db:
    db.execute(pathlib.Path(__file__).with_name("reflected.sql").read_text())
engine.connect().close()
say("version", engine.dialect.server_version_info[0], engine.dialect.max_identifier_length)
run(reflection, engine)
run(whole, engine)
run(mapped, engine)
run(core, engine)
print("## with psycopg2")
older = sa.create_engine("postgresql+psycopg2://")
run(mapped, older)
run(core, older)
print("## with asyncpg")
asyncio.run(asynchronous())
