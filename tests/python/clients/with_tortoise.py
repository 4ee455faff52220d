"""Tortoise ORM, over asyncpg."""

import asyncio
import datetime as dt
import os
import uuid
from decimal import Decimal

from says import say
from tortoise import Tortoise, fields
from tortoise.exceptions import IntegrityError
from tortoise.expressions import F, Q, Subquery
from tortoise.functions import Avg, Count, Sum
from tortoise.models import Model
from tortoise.transactions import in_transaction


class Team(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=50, unique=True, description="what it is called")

    class Meta:
        table_description = "who plays"


class Player(Model):
    id = fields.UUIDField(primary_key=True)
    name = fields.TextField()
    team = fields.ForeignKeyField("models.Team", related_name="players", null=True)
    friends = fields.ManyToManyField("models.Player")
    score = fields.DecimalField(max_digits=8, decimal_places=2, default=0)
    doc = fields.JSONField(default=dict)
    born = fields.DateField(null=True)
    at = fields.DatetimeField(null=True)
    took = fields.TimeDeltaField(null=True)
    active = fields.BooleanField(default=True, db_index=True)
    photo = fields.BinaryField(null=True)
    ratio = fields.FloatField(null=True)

    class Meta:
        unique_together = (("name", "team"),)


async def main():
    name = "postgres://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}".format(**os.environ)
    await Tortoise.init(db_url=name, modules={"models": ["__main__"]}, use_tz=True)
    await Tortoise.generate_schemas()
    await Tortoise.generate_schemas(safe=True)
    red = await Team.create(name="red")
    ann = await Player.create(id=uuid.UUID(int=1), name="ann", team=red, score=Decimal("1.5"), doc={"a": [1]}, born=dt.date(2000, 1, 1),
                              at=dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), took=dt.timedelta(hours=1), photo=b"\x00", ratio=1.5)
    await Player.bulk_create([Player(id=uuid.UUID(int=each), name=f"p{each}", score=each) for each in range(2, 30)], batch_size=10)
    ann = await Player.get(name="ann").prefetch_related("team")
    say("ann", ann.team.name, ann.score, ann.doc, ann.born, ann.at, ann.took, ann.photo, ann.ratio)
    await ann.friends.add(*(await Player.filter(score__lt=4, team=None)))
    say("friends", [each.name for each in await ann.friends.all().order_by("name")])
    say("filtered", await Player.filter(Q(name__icontains="P1") | Q(score__gte=28)).order_by("name").values_list("name", flat=True))
    say("grouped", await Team.annotate(n=Count("players"), avg=Avg("players__score")).values("name", "n", "avg"))
    say("summed", await Player.annotate(total=Sum("score")).group_by("active").values("active", "total"))
    say("updated", await Player.filter(score__gt=20).update(score=F("score") + 1))
    say("in", await Player.filter(id__in=Subquery(Player.filter(doc__contains={"a": [1]}).values("id"))).count())
    say("made", (await Team.get_or_create(name="blue"))[1], (await Team.update_or_create(name="blue", defaults={"name": "green"}))[0].name)
    try:
        async with in_transaction() as connection:
            await Team.create(name="gone", using_db=connection)
            await Team.create(name="red", using_db=connection)
    except IntegrityError as error:
        say("twice", str(error))
    say("left", await Team.all().order_by("name").values_list("name", flat=True))
    async with in_transaction():
        say("locked", len(await Player.filter(name="ann").select_for_update(skip_locked=True)))
    say("deleted", await Player.filter(score__lt=10).delete())
    await Tortoise.close_connections()


asyncio.run(main())
