"""Peewee: its ORM, its PostgreSQL extensions, and models that it makes from what it finds."""

import datetime as dt
import os
import uuid
from decimal import Decimal

from peewee import (SQL, BooleanField, CharField, Check, DateTimeField, DecimalField, ForeignKeyField, IntegrityError, Model, TextField,
                    UUIDField, fn)
from playhouse.migrate import PostgresqlMigrator, migrate
from playhouse.postgres_ext import ArrayField, BinaryJSONField, PostgresqlExtDatabase
from playhouse.reflection import Introspector
from says import run, say

db = PostgresqlExtDatabase(os.environ["PGDATABASE"], user=os.environ["PGUSER"], password=os.environ["PGPASSWORD"],
                           host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]))


class Base(Model):
    class Meta:
        database = db


class Person(Base):
    name = CharField(max_length=50, unique=True)
    key = UUIDField(default=lambda: uuid.UUID(int=1))
    balance = DecimalField(max_digits=10, decimal_places=2, default=0, constraints=[Check("balance >= 0")])
    tags = ArrayField(TextField, default=list, index=False)
    doc = BinaryJSONField(default=dict, index=False)
    active = BooleanField(default=True, index=True)
    at = DateTimeField(null=True, constraints=[SQL("DEFAULT CURRENT_TIMESTAMP")])


class Note(Base):
    person = ForeignKeyField(Person, backref="notes", on_delete="CASCADE")
    text = TextField()

    class Meta:
        indexes = ((("person", "text"), True),)


def mapped():
    db.create_tables([Person, Note])
    db.create_tables([Person, Note])
    ann = Person.create(name="ann", balance=Decimal("1.50"), tags=["a", "b"], doc={"k": {"n": 1}}, at=dt.datetime(2020, 1, 1))
    Person.insert_many([{"name": f"p{each}", "balance": each} for each in range(20)]).execute()
    Note.insert_many([(ann, "one"), (ann, "two")], fields=[Note.person, Note.text]).execute()
    say("notes", [note.text for note in ann.notes.order_by(Note.id)])
    say("returned", [row.name for row in Person.update(balance=Person.balance + 1).where(Person.balance > 17).returning(Person.name)])
    say("upserted", Person.insert(name="ann", balance=5).on_conflict(conflict_target=[Person.name], preserve=[Person.balance]).execute(),
        Person.get(Person.name == "ann").balance)
    say("documents", [row.name for row in Person.select().where(Person.doc["k"]["n"].cast("int") == 1, Person.doc.contains({"k": {"n": 1}}))])
    say("arrays", [row.name for row in Person.select().where(Person.tags.contains("a"), Person.tags.contains_any("b", "z"))])
    say("grouped", list(Person.select(Person.active, fn.COUNT(Person.id), fn.SUM(Person.balance)).group_by(Person.active).tuples()))
    say("windows", list(Person.select(Person.name, fn.RANK().over(order_by=[Person.balance.desc()])).order_by(Person.name).limit(3).tuples()))
    say("joined", list(Note.select(Note.text, Person.name).join(Person).order_by(Note.text).tuples()))
    with db.atomic() as outer:
        try:
            with db.atomic():
                Person.create(name="ann")
        except IntegrityError as error:
            say("twice", str(error).splitlines()[0])
        Person.delete().where(Person.name == "p1").execute()
        outer.rollback()
    say("left", Person.select().count())
    with db.atomic():
        say("server side", sum(1 for _ in Person.select().iterator()))


def found():
    say("tables", db.get_tables(), db.get_views(), db.sequence_exists("person_id_seq"))
    for table in db.get_tables():
        for column in db.get_columns(table):
            say("column", table, tuple(column))
        say("keys", db.get_primary_keys(table), [tuple(key) for key in db.get_foreign_keys(table)], db.get_indexes(table).__repr__())
    introspector = Introspector.from_database(db)
    for name, model in sorted(introspector.generate_models().items()):
        say("model", name, [(field.name, type(field).__name__, field.null, field.primary_key) for field in model._meta.sorted_fields])


def changed():
    change = PostgresqlMigrator(db)
    migrate(
        change.add_column("note", "stars", DecimalField(default=0)), change.rename_column("note", "text", "body"),
        change.drop_not_null("note", "body"), change.add_index("note", ("stars",), False), change.alter_column_type("note", "stars", TextField()),
        change.add_column("note", "other_id", ForeignKeyField(Person, field=Person.id, null=True)), change.rename_table("note", "memo"),
        change.add_constraint("memo", "some", Check("length(body) > 0")))
    say("columns", [tuple(column) for column in db.get_columns("memo")])
    migrate(change.drop_column("memo", "other_id"), change.drop_constraint("memo", "some"))
    say("tables", db.get_tables())


with db:
    for part in (mapped, found, changed):
        run(part)
