"""pgcli: what it reads of the catalogs to complete words, and its backslash commands, which it answers by queries of its own."""

import os
import re

from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial

SCHEMA = [
    "DROP SCHEMA IF EXISTS den CASCADE",
    "CREATE SCHEMA den",
    "CREATE TYPE den.hue AS ENUM ('red', 'blue')",
    "CREATE TABLE den.lamp (id serial PRIMARY KEY, name text NOT NULL UNIQUE, hue den.hue DEFAULT 'red', made date, price numeric(8,2) CHECK (price > 0))",
    "CREATE TABLE den.bulb (lamp_id int REFERENCES den.lamp ON DELETE CASCADE, n int)",
    "CREATE INDEX bulb_n ON den.bulb (n DESC) WHERE n > 3",
    "CREATE VIEW den.lit AS SELECT id, name FROM den.lamp WHERE hue = 'red'",
    "CREATE MATERIALIZED VIEW den.sums AS SELECT sum(n) AS s FROM den.bulb",
    "CREATE SEQUENCE den.ticket",
    "COMMENT ON TABLE den.lamp IS 'gives light'",
    "GRANT SELECT ON den.lamp TO PUBLIC",
    "CREATE DOMAIN den.small AS int CHECK (VALUE < 10)",
]

COMMANDS = [
    r"\d", r"\dt den.*", r"\dt+ den.*", r"\d den.lamp", r"\d+ den.lamp", r"\d den.bulb", r"\d+ den.lit", r"\d den.ticket", r"\d den.lamp_pkey", r"\d den.sums",
    r"\dv den.*", r"\dv+ den.*", r"\dm den.*", r"\di den.*", r"\ds den.*", r"\dT den.*", r"\dT+ den.hue", r"\dD den.*", r"\dn", r"\dn+ den", r"\du", r"\du+", r"\df den.*", r"\dp den.*",
    r"\ddp", r"\dx", r"\db", r"\l postgres", r"\sf den.nothing", r"\dF", r"\dE den.*",
    "SELECT 1 AS a, NULL AS b, 'x' AS c", "SELECT nowhere", "INSERT INTO den.lamp (name) VALUES ('l')", "INSERT INTO den.lamp (name) VALUES ('l')",
    "SELECT * FROM den.lamp; SELECT 2", "BEGIN", "SELECT 1/0", "ROLLBACK", "SHOW timezone",
]


def say(title, values):
    print(title)
    for value in values:
        print("  " + re.sub(r"\s+", " ", str(value)))


def own(rows, schema="den"):
    return sorted((tuple(row) for row in rows if row[0] == schema), key=str)


def main():
    login = [os.environ[name] for name in ("PGDATABASE", "PGUSER", "PGPASSWORD", "PGHOST", "PGPORT")]
    db = PGExecute(*login, notify_callback=lambda heard: None)
    for text in SCHEMA:
        list(db.run(text))
    say("search path", db.search_path())
    say("schemata", sorted(db.schemata()))
    say("tables", own(db.tables()))
    say("views", own(db.views()))
    say("columns of tables", own(db.table_columns()))
    say("columns of views", own(db.view_columns()))
    say("foreign keys", [tuple(key) for key in db.foreignkeys() if key.parentschema == "den"])
    say("types", own(db.datatypes()))
    say("functions", [one for one in db.functions() if one.schema_name == "den"])
    say("databases", [one for one in db.databases() if one == "postgres"])
    say("server", [db.is_superuser(), str(db.server_version).split(".")[0]] if callable(getattr(db, "is_superuser", None)) else [])
    say("view", [db.view_definition("den.lit")])
    special = PGSpecial()
    for command in COMMANDS:
        print(command)
        try:
            for title, rows, headers, status, _, success, _ in db.run(command, pgspecial=special, on_error_resume=False):
                rows = [tuple(row) for row in rows] if rows is not None else []
                for line in [title, headers, status, success, *rows]:
                    print("  " + re.sub(r"\s+", " ", re.sub(r"\d+ (bytes|kB|MB)", "size", str(line))))
        except Exception as error:
            print("  error: " + re.sub(r"\s+", " ", str(error)))
    list(db.run("DROP SCHEMA den CASCADE"))


main()
