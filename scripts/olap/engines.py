"""The engines that answer: two servers behind PostgreSQL's protocol, and two libraries that read Parquet files.

Each has `run`, which is measured and ends when the last row is here, and `answer`, which makes it comparable.
"""

import datafusion
import duckdb
import psycopg

from answers import Answer

THREADS = 2


class Server:
    """PostgreSQL or KalamDB."""

    def __init__(self, port, database, timeout_s):
        self.port, self.database, self.timeout_s, self.connection = port, database, timeout_s, None

    def connect(self):
        # A server that ended the session, or fell, fails the query that met it and no other.
        if self.connection is None or self.connection.closed:
            place = {"port": self.port, "dbname": self.database}
            self.connection = psycopg.connect(**place, autocommit=True, prepare_threshold=None)
            self.connection.execute(f"SET statement_timeout = '{self.timeout_s}s'")
        return self.connection

    def run(self, sql):
        return self.connect().execute(sql)

    def answer(self, cursor):
        result = cursor.pgresult
        cells = lambda row: (result.get_value(row, column) for column in range(result.nfields))
        rows = [tuple(None if cell is None else cell.decode() for cell in cells(row)) for row in range(result.ntuples)]
        types = [psycopg.adapters.types[column.type_code].name for column in cursor.description]
        return Answer([column.name for column in cursor.description], types, rows)


class DataFusion:
    def __init__(self, files):
        # Without the last setting 0.06 + 0.01 is a little less than 0.07, and query 6 loses rows.
        config = datafusion.SessionConfig().with_target_partitions(THREADS)
        self.context = datafusion.SessionContext(config.set("datafusion.sql_parser.parse_float_as_decimal", "true"))
        for file in files:
            self.context.register_parquet(file.stem, file)

    def run(self, sql):
        return self.context.sql(sql).to_arrow_table()

    def answer(self, table):
        columns = [column.to_pylist() for column in table.columns]
        return Answer(table.column_names, None, list(zip(*columns)))


class DuckDB:
    def __init__(self, files):
        self.connection = duckdb.connect(config={"threads": THREADS})
        for file in files:
            self.connection.execute(f"CREATE VIEW {file.stem} AS SELECT * FROM read_parquet('{file}')")

    def run(self, sql):
        cursor = self.connection.execute(sql)
        return [column[0] for column in cursor.description], cursor.fetchall()

    def answer(self, result):
        return Answer(result[0], None, result[1])
