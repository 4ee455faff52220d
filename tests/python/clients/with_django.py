"""Django: migrations made and run, the ORM, its introspection, inspectdb, and the admin's pages."""

import datetime as dt
import decimal
import io
import os
import pathlib
import sys
import tempfile
import uuid

import django
from django.conf import settings
from says import run, say

# A second process, with other models, is told where the first one's are.
OTHER = sys.argv[1] if len(sys.argv) > 1 else None
temporary = tempfile.TemporaryDirectory()
folder = OTHER or temporary.name
shop = pathlib.Path(folder, "shop")
(shop / "migrations").mkdir(parents=True, exist_ok=True)
(shop / "migrations" / "__init__.py").touch()
(shop / "__init__.py").touch()
FIRST = '''
import uuid
from decimal import Decimal
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower


class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    mail = models.EmailField(db_index=True, db_comment="where to write")
    born = models.DateField(null=True, blank=True)
    tags = ArrayField(models.CharField(max_length=20), default=list)
    friends = models.ManyToManyField("self", blank=True)

    class Meta:
        ordering = ["name"]
        db_table_comment = "who writes"

    def __str__(self):
        return self.name


class Book(models.Model):
    class State(models.TextChoices):
        DRAFT = "d"
        SOLD = "s"

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    title = models.CharField(max_length=200)
    slug = models.SlugField(null=True)
    text = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal("1.50"))
    doubled = models.GeneratedField(expression=F("price") * 2, output_field=models.DecimalField(max_digits=12, decimal_places=2), db_persist=True)
    pages = models.PositiveSmallIntegerField(null=True)
    big = models.BigIntegerField(default=0)
    weight = models.FloatField(null=True)
    active = models.BooleanField(default=True, db_default=True)
    published = models.DateTimeField(null=True)
    opens = models.TimeField(null=True)
    took = models.DurationField(null=True)
    doc = models.JSONField(default=dict)
    raw = models.BinaryField(default=b"")
    place = models.GenericIPAddressField(null=True)
    state = models.CharField(max_length=1, choices=State.choices, default=State.DRAFT)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(price__gt=0), name="price_positive"),
            models.UniqueConstraint(fields=["author", "title"], name="one_title"),
            models.UniqueConstraint(Lower("slug"), name="slug_once", condition=Q(active=True)),
            models.UniqueConstraint(fields=["big", "pages"], name="deferred", deferrable=models.Deferrable.DEFERRED),
        ]
        indexes = [models.Index(fields=["-published", "title"], name="by_date"), HashIndex(fields=["title"], name="hashed"),
                   models.Index(fields=["price"], include=["title"], name="covering"),
                   models.Index(Lower("title"), name="lowered", condition=Q(active=True))]


class Review(models.Model):
    book = models.ForeignKey(Book, models.PROTECT)
    reply_to = models.OneToOneField("self", models.SET_NULL, null=True)
    stars = models.IntegerField()


class Special(Book):
    extra = models.IntegerField(default=3)
'''
SECOND = FIRST.replace("    born = ", "    height = models.IntegerField(default=180)\n    born = ").replace(
    "max_length=200", "max_length=300").replace("    weight = models.FloatField(null=True)\n", "").replace(
    'slug = models.SlugField(null=True)', 'slug = models.SlugField(default="none", unique=True)').replace(
    "stars = models.IntegerField()", "stars = models.BigIntegerField(db_index=True)").replace("\"by_date\"", "\"by_date_title\"").replace(
    'name="price_positive"', 'name="price_above_zero"').replace("extra = models.IntegerField(default=3)", 'extra = models.TextField(default="3")')
if not OTHER:
    (shop / "models.py").write_text(FIRST)
sys.path.insert(0, folder)
settings.configure(
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"], "NAME": os.environ["PGDATABASE"],
        "OPTIONS": {"server_side_binding": os.environ.get("BINDING") == "server"},
    }},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "django.contrib.postgres", "shop"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages"]}}],
    ROOT_URLCONF="urls", SECRET_KEY="x", USE_TZ=True, TIME_ZONE="UTC", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ALLOWED_HOSTS=["*"], PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
pathlib.Path(folder, "urls.py").write_text("""
from django.contrib import admin
from django.urls import path
from shop import models
for model in (models.Author, models.Book, models.Review):
    admin.site.register(model, type("A", (admin.ModelAdmin,), {"search_fields": ["pk"], "list_per_page": 5, "date_hierarchy": (
        "published" if model is models.Book else None), "list_filter": ["author", "active"] if model is models.Book else []}))
urlpatterns = [path("admin/", admin.site.urls)]
""")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, IntegrityError, connection, models, transaction  # noqa: E402
from django.db.models import Avg, Count, Exists, F, OuterRef, Prefetch, Q, Subquery, Sum, Value, Window  # noqa: E402
from django.db.models import functions as fn  # noqa: E402


def called(*arguments, **options):
    out = io.StringIO()
    call_command(*arguments, stdout=out, no_color=True, **options)
    return out.getvalue()


def lines(title, text):
    say(title)
    for line in text.splitlines():
        say("", line)


def introspection():
    with connection.cursor() as cursor:
        inspect = connection.introspection
        say("tables", sorted((table.name, table.type, table.comment) for table in inspect.get_table_list(cursor)))
        for table in ("shop_author", "shop_book", "shop_review", "shop_special", "shop_author_friends"):
            say("columns", table, [(column.name, column.display_size, column.internal_size, column.precision, column.scale,
                                    column.null_ok, column.default, column.collation, column.is_autofield, column.comment) + (inspect.data_types_reverse.get(column.type_code),)
                                   for column in inspect.get_table_description(cursor, table)])
            for name, each in sorted(inspect.get_constraints(cursor, table).items()):
                say("constraint", table, name, each)
            say("relations", sorted(inspect.get_relations(cursor, table).items()))
            say("sequences", inspect.get_sequences(cursor, table))
            say("primary key", inspect.get_primary_key_columns(cursor, table))


def migrations():
    say("made", called("makemigrations", "shop", verbosity=0))
    lines("sql", called("sqlmigrate", "shop", "0001"))
    lines("migrated", called("migrate", verbosity=1))
    say("again", called("migrate", verbosity=1).splitlines()[-1])
    lines("shown", called("showmigrations", "shop"))
    introspection()
    lines("inspected", called("inspectdb", "shop_author", "shop_book", "shop_special", "shop_review"))


def queries():
    from shop.models import Author, Book, Review, Special

    ann = Author.objects.create(name="Ann", mail="a@b", tags=["x", "y"], born=dt.date(1980, 5, 5))
    bob = Author.objects.create(name="Bob", mail="b@b", tags=[])
    ann.friends.add(bob)
    at = dt.datetime(2024, 1, 31, 12, tzinfo=dt.timezone.utc)
    books = Book.objects.bulk_create([
        Book(key=uuid.UUID(int=each), author=ann if each % 2 else bob, title=f"Title {each}", slug=f"s{each}", price=each, pages=each,
             published=at + dt.timedelta(days=each), opens=dt.time(each), took=dt.timedelta(hours=each),
             doc={"n": each, "list": [1, {"deep": None}], "s": "ü"}, raw=b"\x00\xff", place="10.0.0.1", big=each)
        for each in range(1, 21)])
    say("made", len(books), [str(book.doubled) for book in books[:2]])
    book = Book.objects.get(pk=uuid.UUID(int=4))
    say("book", book.title, book.price, book.doubled, book.published, book.opens, book.took, book.doc, bytes(book.raw), book.place,
        book.state, book.active)
    book.price += 1
    book.save()
    book.refresh_from_db()
    say("saved", book.doubled)
    say("bulk updated", Book.objects.bulk_update([Book(pk=uuid.UUID(int=each), title=f"New {each}", weight=1.5) for each in (1, 2, 3)],
                                                ["title", "weight"]))
    Book.objects.bulk_create([Book(key=uuid.UUID(int=1), author=ann, title="Upserted", slug="s1", big=1, pages=1)],
                             update_conflicts=True, unique_fields=["key"], update_fields=["title"])
    Author.objects.bulk_create([Author(name="Ann", mail="z")], ignore_conflicts=True)
    say("upserted", Book.objects.get(pk=uuid.UUID(int=1)).title, Author.objects.update_or_create(
        name="Cid", defaults={"mail": "c"})[1], Author.objects.get_or_create(name="Cid")[1])
    for title, found in (
        ("filtered", Book.objects.filter(author__name="Ann", price__gte=5).order_by("-price").values_list("title", "price")),
        ("contains", Book.objects.filter(title__icontains="TITLE 1", slug__startswith="s", title__iregex="^t").order_by("pk").values_list("slug")),
        ("json", Book.objects.filter(doc__n__gt=18, doc__list__1__deep=None, doc__has_key="s").order_by("pk").values_list("doc__n", "doc__list__0")),
        ("json contains", Book.objects.filter(doc__contains={"n": 5}).values_list("slug")),
        ("arrays", Author.objects.filter(tags__contains=["x"], tags__len=2, tags__overlap=["y", "q"], tags__0="x").values_list("name")),
        ("empty arrays", Author.objects.filter(tags=[]).values_list("name")),
        ("years", Book.objects.filter(published__year=2024, published__week_day=5, published__date__gt=dt.date(2024, 2, 1)).order_by("pk").values_list("slug")),
        ("months", Book.objects.annotate(m=fn.TruncMonth("published")).values("m").annotate(n=Count("pk"), total=Sum("price")).order_by("m")),
        ("extracted", Book.objects.annotate(w=fn.ExtractWeek("published"), q=fn.ExtractQuarter("published"), h=fn.ExtractHour("opens")).order_by("pk").values_list("w", "q", "h")[:3]),
        ("grouped", Author.objects.annotate(n=Count("books"), avg=Avg("books__price"), cheap=Count("books", filter=Q(books__price__lt=5))).order_by("name").values_list("name", "n", "avg", "cheap")),
        ("exists", Author.objects.filter(Exists(Book.objects.filter(author=OuterRef("pk"), price=3))).values_list("name")),
        ("subquery", Author.objects.annotate(last=Subquery(Book.objects.filter(author=OuterRef("pk")).order_by("-price").values("title")[:1])).values_list("name", "last")),
        ("window", Book.objects.annotate(r=Window(fn.RowNumber(), partition_by=["author"], order_by="-price"), s=Window(Sum("price"), order_by="pk")).order_by("pk").values_list("slug", "r", "s")[:4]),
        ("functions", Author.objects.annotate(l=fn.Length("name"), u=fn.Upper("name"), c=fn.Concat("name", Value(" <"), "mail", Value(">"), output_field=models.TextField()), p=fn.LPad("name", 5, Value(".")), s=fn.Substr("name", 2), m=fn.MD5("name"), pos=fn.StrIndex("name", Value("n"))).values_list("l", "u", "c", "p", "s", "m", "pos")),
        ("numbers", Book.objects.filter(pages=7).annotate(a=fn.Round(F("price") / 3, 2), b=fn.Power("pages", 2), c=fn.Mod("pages", 4), d=fn.Cast("price", models.IntegerField()), e=fn.Sqrt("price")).values_list("a", "b", "c", "d", "e")),
        ("cases", Book.objects.annotate(size=models.Case(models.When(price__gt=15, then=Value("dear")), default=Value("cheap"))).values("size").annotate(n=Count("pk")).order_by("size")),
        ("coalesced", Book.objects.filter(pk=uuid.UUID(int=2)).annotate(g=fn.Greatest("price", "doubled", output_field=models.DecimalField()), x=fn.Coalesce("weight", 0.0), n=fn.NullIf("state", Value("d"))).values_list("g", "x", "n")),
        ("durations", Book.objects.filter(took__gt=dt.timedelta(hours=18)).annotate(end=F("published") + F("took")).order_by("pk").values_list("end")),
        ("distinct", Book.objects.order_by("author_id", "-price").distinct("author_id").values_list("author__name", "price")),
        ("union", Book.objects.filter(price__lt=2).values_list("slug").union(Book.objects.filter(price__gt=19).values_list("slug")).order_by("slug")),
        ("excluded", Author.objects.exclude(books__price__gt=19).values_list("name")),
        ("ips", Book.objects.filter(place="10.0.0.1").count() and []),
        ("dates", Book.objects.datetimes("published", "month")),
        ("raw", Author.objects.raw("SELECT * FROM shop_author WHERE name = %s", ["Ann"])),
        ("in", Book.objects.filter(pk__in=[uuid.UUID(int=1), uuid.UUID(int=2)], price__range=(1, 2), pages__isnull=False).order_by("pk").values_list("slug")),
    ):
        say(title, [str(row) for row in found])
    from django.contrib.postgres.aggregates import ArrayAgg, BoolAnd, JSONBAgg, StringAgg

    say("aggregates", Author.objects.filter(name="Ann").aggregate(
        a=ArrayAgg("books__pages", order_by="books__pages"), s=StringAgg("books__slug", ",", order_by="books__slug"),
        b=BoolAnd("books__active"), j=JSONBAgg("books__doc__n", order_by="books__pages")))
    say("prefetched", [(author.name, len(author.books.all())) for author in Author.objects.prefetch_related(
        Prefetch("books", Book.objects.filter(price__lt=6)))])
    say("related", [(book.author.name, book.title) for book in Book.objects.select_related("author").order_by("pk")[:2]])
    say("iterated", sum(1 for _ in Book.objects.iterator(chunk_size=4)))
    say("updated", Book.objects.filter(price__lt=5).update(price=F("price") * 2), Book.objects.aggregate(Sum("price"), Avg("pages")))
    special = Special.objects.create(key=uuid.UUID(int=99), author=bob, title="Special", slug="sp", big=99)
    review = Review.objects.create(book=special, stars=5)
    Review.objects.create(book=special, stars=4, reply_to=review)
    say("inherited", special.extra, Book.objects.get(pk=special.pk).special.extra)
    with transaction.atomic():
        say("locked", Book.objects.select_for_update(skip_locked=True, of=("self",)).filter(author=ann).count(),
            len(Book.objects.select_for_update(nowait=True, no_key=True).filter(author=ann)))
        for wrong in (lambda: Author.objects.create(name="Ann"), lambda: Book.objects.filter(pk=special.pk).update(price=-1),
                      lambda: Book.objects.filter(pk=special.pk).update(title=None), lambda: Author.objects.create(name="x" * 101)):
            try:
                with transaction.atomic():
                    wrong()
            except DatabaseError as error:
                say("refused", type(error).__name__, str(error).splitlines()[0], error.__cause__.diag.constraint_name)
    try:
        with transaction.atomic():
            Book.objects.filter(pk=uuid.UUID(int=6)).update(big=5, pages=5)
            say("deferred")
    except IntegrityError as error:
        say("at the end", str(error).splitlines()[0])
    try:
        with transaction.atomic():
            Review.objects.create(book_id=uuid.UUID(int=12345), stars=1)
            say("deferred key")
    except IntegrityError as error:
        say("at the end", str(error).splitlines()[0])
    connection.check_constraints()
    review.delete()
    Review.objects.all().delete()
    say("deleted", ann.delete())
    say("explained", bool(Book.objects.all().explain()))


def administration():
    from django.contrib.auth.models import User
    from django.test import Client
    from shop.models import Author, Book

    User.objects.create_superuser("root", "r@r", "secret")
    browser = Client()
    say("logged in", browser.login(username="root", password="secret"))
    for path in ("", "shop/author/", "shop/book/", "shop/book/?q=1&author__id__exact=2", "shop/book/?published__year=2024", "shop/book/add/",
                 "shop/review/", "auth/user/", "auth/group/add/"):
        answer = browser.get("/admin/" + path)
        say(path, answer.status_code, answer.context["cl"].result_count if "cl" in (answer.context or {}) else None)
    answer = browser.post("/admin/shop/author/add/", {"name": "Made there", "mail": "m@m.de", "tags": "a,b"})
    say("added", answer.status_code, Author.objects.get(name="Made there").tags)
    author = Author.objects.get(name="Made there")
    say("changed", browser.post(f"/admin/shop/author/{author.pk}/change/", {"name": "Changed", "mail": "m@m.de", "tags": "c"}).status_code,
        Author.objects.filter(name="Changed").count())
    say("history", browser.get(f"/admin/shop/author/{author.pk}/history/").status_code)
    say("deleted", browser.post(f"/admin/shop/author/{author.pk}/delete/", {"post": "yes"}).status_code, Author.objects.filter(name="Changed").count())
    data = called("dumpdata", "shop")
    say("dumped", data.count('"model"'))
    pathlib.Path(folder, "data.json").write_text(data)
    called("flush", interactive=False, verbosity=0)
    say("flushed", Book.objects.count())
    say("loaded", called("loaddata", str(pathlib.Path(folder, "data.json")), verbosity=1).strip(), Book.objects.count())
    lines("reset", called("sqlsequencereset", "shop"))
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(django.core.management.color.no_style(), [Author]):
            cursor.execute(statement)
    say("next", Author.objects.create(name="after", mail="x").pk > 1)


def again(models_text):
    """Migrates to other models, in a process of its own."""
    import subprocess

    (shop / "models.py").write_text(models_text)
    done = subprocess.run([sys.executable, "-B", __file__, folder], capture_output=True, text=True)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)


def changes():
    say("made", called("makemigrations", "shop", verbosity=0, interactive=False))
    lines("sql", called("sqlmigrate", "shop", "0002"))
    lines("migrated", called("migrate", verbosity=1))
    say("nothing left", called("makemigrations", "shop", check_changes=True, dry_run=True).strip())
    introspection()
    lines("back", called("migrate", "shop", "0001", verbosity=1))
    lines("undone", called("migrate", "shop", "zero", verbosity=1))
    with connection.cursor() as cursor:
        say("left", [name for name in connection.introspection.table_names(cursor) if name.startswith("shop")])


if OTHER:
    run(changes)
else:
    run(migrations)
    run(queries)
    run(administration)
    again(SECOND)
