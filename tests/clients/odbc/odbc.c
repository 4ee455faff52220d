/* An application on psqlODBC: what tools list of a schema, parameters, types, cursors, transactions, errors. */
#include <sql.h>
#include <sqlext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(string) ((SQLCHAR *)(string)), SQL_NTS

static SQLHENV environment;

/* What went wrong, without the names that come before the server's own words. */
static void tell(SQLSMALLINT kind, SQLHANDLE handle, SQLRETURN answer) {
	SQLCHAR state[6], message[2000];
	SQLINTEGER native;
	SQLSMALLINT length;
	if (answer == SQL_SUCCESS || answer == SQL_NO_DATA) return;
	for (SQLSMALLINT i = 1; SQL_SUCCEEDED(SQLGetDiagRec(kind, handle, i, state, &native, message, sizeof message, &length)); i++) {
		for (SQLCHAR *at = message; *at; at++) if (*at == '\n') *at = '|';
		char *port = strstr((char *)message, ", port ");
		if (port) memmove(port, port + 7 + strspn(port + 7, "0123456789"), strlen(port + 7 + strspn(port + 7, "0123456789")) + 1);
		printf("  %s %s: %s\n", answer == SQL_ERROR ? "error" : "warning", state, message);
	}
}

static SQLRETURN told(SQLHSTMT statement, SQLRETURN answer) {
	tell(SQL_HANDLE_STMT, statement, answer);
	return answer;
}

static SQLHDBC opened(const char *more) {
	SQLHDBC connection;
	char text[2000];
	SQLAllocHandle(SQL_HANDLE_DBC, environment, &connection);
	snprintf(text, sizeof text, "Driver=%s;Server=%s;Port=%s;Database=%s;Uid=%s;Pwd=%s;%s", getenv("PSQLODBC"), getenv("PGHOST"), getenv("PGPORT"), getenv("PGDATABASE"),
		getenv("PGUSER"), getenv("PGPASSWORD"), more);
	SQLRETURN answer = SQLDriverConnect(connection, NULL, TEXT(text), NULL, 0, NULL, SQL_DRIVER_NOPROMPT);
	tell(SQL_HANDLE_DBC, connection, answer);
	if (SQL_SUCCEEDED(answer)) return connection;
	SQLFreeHandle(SQL_HANDLE_DBC, connection);
	return NULL;
}

static void closed(SQLHDBC connection) {
	SQLDisconnect(connection);
	SQLFreeHandle(SQL_HANDLE_DBC, connection);
}

static SQLHSTMT statement_of(SQLHDBC connection) {
	SQLHSTMT statement;
	SQLAllocHandle(SQL_HANDLE_STMT, connection, &statement);
	return statement;
}

static void freed(SQLHSTMT statement) {
	SQLFreeHandle(SQL_HANDLE_STMT, statement);
}

/* Every result of a statement, with what its columns are. */
static void rows(SQLHSTMT statement, int described) {
	do {
		SQLSMALLINT columns = 0;
		SQLLEN affected = -1;
		SQLNumResultCols(statement, &columns);
		if (columns == 0) {
			SQLRowCount(statement, &affected);
			printf("  affected %ld\n", (long)affected);
			continue;
		}
		for (SQLSMALLINT i = 1; described && i <= columns; i++) {
			SQLCHAR name[200], type[200], table[200];
			SQLSMALLINT kind, digits, nullable, length;
			SQLULEN size;
			SQLLEN automatic = 0;
			type[0] = table[0] = 0;
			SQLDescribeCol(statement, i, name, sizeof name, &length, &kind, &size, &digits, &nullable);
			SQLColAttribute(statement, i, SQL_DESC_TYPE_NAME, type, sizeof type, &length, NULL);
			SQLColAttribute(statement, i, SQL_DESC_BASE_TABLE_NAME, table, sizeof table, &length, NULL);
			SQLColAttribute(statement, i, SQL_DESC_AUTO_UNIQUE_VALUE, NULL, 0, NULL, &automatic);
			printf("  column %s: %s kind=%d size=%lu digits=%d nullable=%d table=%s auto=%ld\n", name, type, kind, (unsigned long)size, digits, nullable, table, (long)automatic);
		}
		long count = 0;
		SQLRETURN answer;
		while (SQL_SUCCEEDED(answer = told(statement, SQLFetch(statement)))) {
			printf("  ");
			for (SQLSMALLINT i = 1; i <= columns; i++) {
				char value[5000];
				SQLLEN length;
				SQLRETURN got = SQLGetData(statement, i, SQL_C_CHAR, value, sizeof value, &length);
				char name[200] = "";
				SQLColAttribute(statement, i, SQL_DESC_NAME, name, sizeof name, NULL, NULL);
				/* A number that each server chooses itself. */
				if (strcmp(name, "TABLE OID") == 0 || strcmp(name, "TABLE_OID") == 0) strcpy(value, "oid");
				printf("%s%s", i > 1 ? "|" : "", !SQL_SUCCEEDED(got) ? "?" : length == SQL_NULL_DATA ? "NULL" : value);
			}
			printf("\n");
			count++;
		}
		printf("  %ld rows\n", count);
	} while (SQL_SUCCEEDED(told(statement, SQLMoreResults(statement))));
	SQLFreeStmt(statement, SQL_CLOSE);
}

static void run(SQLHDBC connection, const char *text) {
	SQLHSTMT statement = statement_of(connection);
	SQLRETURN answer = told(statement, SQLExecDirect(statement, TEXT(text)));
	if (SQL_SUCCEEDED(answer)) rows(statement, 0);
	freed(statement);
}

static void seen(SQLHDBC connection, const char *text) {
	SQLHSTMT statement = statement_of(connection);
	printf("  %s\n", text);
	if (SQL_SUCCEEDED(told(statement, SQLExecDirect(statement, TEXT(text))))) rows(statement, 1);
	freed(statement);
}

static void schema(SQLHDBC connection) {
	static const char *texts[] = {
		"DROP SCHEMA IF EXISTS yard CASCADE", "CREATE SCHEMA yard",
		"CREATE TABLE yard.tool (id serial PRIMARY KEY, name varchar(30) NOT NULL UNIQUE, price numeric(8,2) DEFAULT 1.5, made date, note text, weight float8, good boolean, raw bytea)",
		"CREATE TABLE yard.part (tool_id int NOT NULL REFERENCES yard.tool ON DELETE CASCADE, no smallint, at timestamp with time zone, code char(4), tags text[], doc jsonb, u uuid, big bigint, PRIMARY KEY (tool_id, no))",
		"CREATE INDEX part_code ON yard.part (code, at DESC)", "CREATE VIEW yard.cheap AS SELECT id, name FROM yard.tool WHERE price < 5",
		"CREATE MATERIALIZED VIEW yard.count AS SELECT count(*) FROM yard.tool", "COMMENT ON TABLE yard.tool IS 'to work with'", "COMMENT ON COLUMN yard.tool.name IS 'its name'",
		"GRANT SELECT ON yard.tool TO PUBLIC",
		"INSERT INTO yard.tool (name, price, made, note, weight, good, raw) VALUES ('saw', 9.99, '2024-02-29', 'sharp', 1.25, true, '\\x00ff'), ('axe', NULL, NULL, NULL, NULL, NULL, NULL)",
		"INSERT INTO yard.part (tool_id, no, code) SELECT 1, i, 'c' || i FROM generate_series(1, 10) i",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) run(connection, texts[i]);
}

static void catalog(SQLHDBC connection) {
	SQLHSTMT statement = statement_of(connection);
#define LIST(title, call) do { printf(" %s\n", title); if (SQL_SUCCEEDED(told(statement, call))) rows(statement, 0); SQLFreeStmt(statement, SQL_CLOSE); } while (0)
	LIST("tables", SQLTables(statement, NULL, 0, TEXT("yard"), TEXT("%"), TEXT("TABLE,VIEW,MATVIEW")));
	LIST("every kind of table", SQLTables(statement, NULL, 0, TEXT("yard"), NULL, 0, NULL, 0));
	LIST("columns", SQLColumns(statement, NULL, 0, TEXT("yard"), TEXT("%"), TEXT("%")));
	LIST("columns of one table", SQLColumns(statement, NULL, 0, NULL, 0, TEXT("tool"), TEXT("p%")));
	LIST("primary key", SQLPrimaryKeys(statement, NULL, 0, TEXT("yard"), TEXT("part")));
	LIST("foreign keys from", SQLForeignKeys(statement, NULL, 0, NULL, 0, NULL, 0, NULL, 0, TEXT("yard"), TEXT("part")));
	LIST("foreign keys to", SQLForeignKeys(statement, NULL, 0, TEXT("yard"), TEXT("tool"), NULL, 0, NULL, 0, NULL, 0));
	LIST("indexes", SQLStatistics(statement, NULL, 0, TEXT("yard"), TEXT("part"), SQL_INDEX_ALL, SQL_QUICK));
	LIST("unique indexes", SQLStatistics(statement, NULL, 0, TEXT("yard"), TEXT("tool"), SQL_INDEX_UNIQUE, SQL_QUICK));
	LIST("what tells a row", SQLSpecialColumns(statement, SQL_BEST_ROWID, NULL, 0, TEXT("yard"), TEXT("tool"), SQL_SCOPE_SESSION, SQL_NULLABLE));
	LIST("table privileges", SQLTablePrivileges(statement, NULL, 0, TEXT("yard"), TEXT("tool")));
	LIST("column privileges", SQLColumnPrivileges(statement, NULL, 0, TEXT("yard"), TEXT("tool"), TEXT("name")));
	LIST("procedures", SQLProcedures(statement, NULL, 0, TEXT("pg_catalog"), TEXT("md5")));
	LIST("columns of procedures", SQLProcedureColumns(statement, NULL, 0, TEXT("pg_catalog"), TEXT("sha256"), TEXT("%")));
	LIST("types", SQLGetTypeInfo(statement, SQL_ALL_TYPES));
	LIST("types of whole numbers", SQLGetTypeInfo(statement, SQL_INTEGER));
	freed(statement);
}

static void told_of(SQLHDBC connection) {
	static const SQLUSMALLINT texts[] = {SQL_DBMS_NAME, SQL_DATABASE_NAME, SQL_IDENTIFIER_QUOTE_CHAR, SQL_CATALOG_TERM, SQL_SCHEMA_TERM, SQL_DATA_SOURCE_READ_ONLY, SQL_SEARCH_PATTERN_ESCAPE};
	char value[500];
	SQLUINTEGER number;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		SQLGetInfo(connection, texts[i], value, sizeof value, NULL);
		printf("  %d %s\n", texts[i], value);
	}
	SQLGetInfo(connection, SQL_DBMS_VER, value, sizeof value, NULL);
	printf("  version %.2s\n", value);
	static const SQLUSMALLINT numbers[] = {SQL_TXN_CAPABLE, SQL_TXN_ISOLATION_OPTION, SQL_MAX_IDENTIFIER_LEN, SQL_SCROLL_OPTIONS};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		number = 0;
		SQLGetInfo(connection, numbers[i], &number, sizeof number, NULL);
		printf("  %d %u\n", numbers[i], (unsigned)number);
	}
}

static void parameters(SQLHDBC connection) {
	SQLHSTMT statement = statement_of(connection);
	SQLINTEGER id = 1;
	SQLCHAR name[20] = "s%";
	SQLLEN name_length = SQL_NTS, id_length = 0;
	SQLSMALLINT count, kind, digits, nullable;
	SQLULEN size;
	told(statement, SQLPrepare(statement, TEXT("SELECT id, name, price FROM yard.tool WHERE id = ? AND name LIKE ?")));
	told(statement, SQLNumParams(statement, &count));
	printf("  parameters %d\n", count);
	for (SQLSMALLINT i = 1; i <= count; i++) {
		if (SQL_SUCCEEDED(told(statement, SQLDescribeParam(statement, i, &kind, &size, &digits, &nullable)))) printf("  kind %d size %lu\n", kind, (unsigned long)size);
	}
	SQLSMALLINT columns;
	told(statement, SQLNumResultCols(statement, &columns));
	printf("  columns %d\n", columns);
	SQLBindParameter(statement, 1, SQL_PARAM_INPUT, SQL_C_SLONG, SQL_INTEGER, 0, 0, &id, 0, &id_length);
	SQLBindParameter(statement, 2, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 20, 0, name, sizeof name, &name_length);
	for (int i = 0; i < 7; i++) {
		if (SQL_SUCCEEDED(told(statement, SQLExecute(statement)))) rows(statement, i == 0);
		id = 3 - id;
	}
	freed(statement);

	/* Many rows of parameters at once. */
	statement = statement_of(connection);
	SQLINTEGER numbers[5] = {101, 102, 103, 102, 105};
	SQLCHAR names[5][10] = {"a", "b", "c", "d", "e"};
	SQLLEN lengths[5] = {SQL_NTS, SQL_NTS, SQL_NTS, SQL_NTS, SQL_NTS};
	SQLUSMALLINT states[5];
	SQLULEN done = 0;
	SQLSetStmtAttr(statement, SQL_ATTR_PARAMSET_SIZE, (SQLPOINTER)3, 0);
	SQLSetStmtAttr(statement, SQL_ATTR_PARAM_STATUS_PTR, states, 0);
	SQLSetStmtAttr(statement, SQL_ATTR_PARAMS_PROCESSED_PTR, &done, 0);
	SQLBindParameter(statement, 1, SQL_PARAM_INPUT, SQL_C_SLONG, SQL_INTEGER, 0, 0, numbers, 0, NULL);
	SQLBindParameter(statement, 2, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 10, 0, names, 10, lengths);
	told(statement, SQLExecDirect(statement, TEXT("INSERT INTO yard.tool (id, name) VALUES (?, ?)")));
	printf("  done %lu: %d %d %d\n", (unsigned long)done, states[0], states[1], states[2]);
	freed(statement);
	run(connection, "SELECT id, name FROM yard.tool WHERE id > 100 ORDER BY id");

	/* Bytes, and a time. */
	statement = statement_of(connection);
	unsigned char bytes[4] = {0, 255, 39, 92};
	SQLLEN bytes_length = sizeof bytes;
	SQL_TIMESTAMP_STRUCT at = {2024, 2, 29, 1, 2, 3, 500000000};
	double weight = 2.5;
	SQL_DATE_STRUCT made = {2023, 1, 2};
	SQLBindParameter(statement, 1, SQL_PARAM_INPUT, SQL_C_BINARY, SQL_VARBINARY, 4, 0, bytes, sizeof bytes, &bytes_length);
	SQLBindParameter(statement, 2, SQL_PARAM_INPUT, SQL_C_DOUBLE, SQL_DOUBLE, 0, 0, &weight, 0, NULL);
	SQLBindParameter(statement, 3, SQL_PARAM_INPUT, SQL_C_TYPE_DATE, SQL_TYPE_DATE, 0, 0, &made, 0, NULL);
	SQLBindParameter(statement, 4, SQL_PARAM_INPUT, SQL_C_TYPE_TIMESTAMP, SQL_TYPE_TIMESTAMP, 23, 3, &at, 0, NULL);
	if (SQL_SUCCEEDED(told(statement, SQLExecDirect(statement, TEXT("UPDATE yard.tool SET raw = ?, weight = ?, made = ?, note = (CAST(? AS timestamp))::text WHERE id = 101"))))) rows(statement, 0);
	freed(statement);
	run(connection, "SELECT raw, weight, made, note FROM yard.tool WHERE id = 101");
}

static void transactions(SQLHDBC connection) {
	SQLSetConnectAttr(connection, SQL_ATTR_AUTOCOMMIT, (SQLPOINTER)SQL_AUTOCOMMIT_OFF, 0);
	run(connection, "INSERT INTO yard.tool (id, name) VALUES (200, 'gone')");
	run(connection, "INSERT INTO yard.tool (id, name) VALUES (201, 'gone')");
	run(connection, "SELECT count(*) FROM yard.tool WHERE id >= 200");
	SQLEndTran(SQL_HANDLE_DBC, connection, SQL_ROLLBACK);
	run(connection, "SELECT count(*) FROM yard.tool WHERE id >= 200");
	run(connection, "INSERT INTO yard.tool (id, name) VALUES (202, 'kept')");
	tell(SQL_HANDLE_DBC, connection, SQLEndTran(SQL_HANDLE_DBC, connection, SQL_COMMIT));
	tell(SQL_HANDLE_DBC, connection, SQLSetConnectAttr(connection, SQL_ATTR_TXN_ISOLATION, (SQLPOINTER)SQL_TXN_SERIALIZABLE, 0));
	run(connection, "SHOW transaction_isolation");
	SQLEndTran(SQL_HANDLE_DBC, connection, SQL_COMMIT);
	SQLSetConnectAttr(connection, SQL_ATTR_AUTOCOMMIT, (SQLPOINTER)SQL_AUTOCOMMIT_ON, 0);
	run(connection, "SELECT count(*) FROM yard.tool WHERE id >= 200");
}

static void scrolling(SQLHDBC connection) {
	SQLHSTMT statement = statement_of(connection);
	SQLSetStmtAttr(statement, SQL_ATTR_CURSOR_TYPE, (SQLPOINTER)SQL_CURSOR_STATIC, 0);
	if (!SQL_SUCCEEDED(told(statement, SQLExecDirect(statement, TEXT("SELECT no, code FROM yard.part ORDER BY no"))))) return;
	static const struct { SQLSMALLINT how; SQLLEN by; } steps[] = {{SQL_FETCH_LAST, 0}, {SQL_FETCH_PRIOR, 0}, {SQL_FETCH_ABSOLUTE, 3}, {SQL_FETCH_RELATIVE, 2}, {SQL_FETCH_FIRST, 0}, {SQL_FETCH_NEXT, 0}};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		char value[20];
		if (SQL_SUCCEEDED(told(statement, SQLFetchScroll(statement, steps[i].how, steps[i].by)))) {
			SQLGetData(statement, 1, SQL_C_CHAR, value, sizeof value, NULL);
			printf("  at %s\n", value);
		}
	}
	freed(statement);
}

static void errors(SQLHDBC connection) {
	static const char *texts[] = {"SELECT * FROM nowhere", "SELEC", "INSERT INTO yard.tool (name) VALUES ('saw')", "INSERT INTO yard.tool (name) VALUES (NULL)", "SELECT 1/0", "DROP TABLE yard.tool",
		"INSERT INTO yard.part VALUES (-1, 1)", "SELECT 'x'::int", "DROP TABLE IF EXISTS nothing"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		printf("  %s\n", texts[i]);
		run(connection, texts[i]);
	}
	SQLHSTMT statement = statement_of(connection);
	SQLSetStmtAttr(statement, SQL_ATTR_QUERY_TIMEOUT, (SQLPOINTER)1, 0);
	told(statement, SQLExecDirect(statement, TEXT("SELECT pg_sleep(30)")));
	freed(statement);
}

int main(void) {
	setvbuf(stdout, NULL, _IOLBF, 0);
	SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &environment);
	SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0);
	static const char *ways[] = {"", "UseDeclareFetch=1;Fetch=3", "UseServerSidePrepare=0;Protocol=7.4-0", "Protocol=7.4-2;ByteaAsLongVarBinary=1;BoolsAsChar=0;TrueIsMinus1=1", "SSLmode=require"};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		printf("connected with %s\n", ways[i]);
		SQLHDBC connection = opened(ways[i]);
		if (!connection) continue;
		if (i == 0) {
			printf("what is told\n");
			told_of(connection);
		}
		printf("the schema\n");
		schema(connection);
		printf("types\n");
		seen(connection, "SELECT * FROM yard.tool ORDER BY id");
		seen(connection, "SELECT t.name, p.no, p.at, p.code, p.tags, p.doc, p.u, p.big, count(*) OVER () AS n, 1.5 AS d, 'x' AS x FROM yard.tool t JOIN yard.part p ON p.tool_id = t.id ORDER BY p.no LIMIT 2");
		seen(connection, "SELECT 1::int2, 2::int8, 1.5::float4, true, '10:00'::time, '2024-01-01 00:00:00'::timestamp, '1 day'::interval, 'ab'::char(5), 'x'::name, repeat('y', 3), NULL, {fn UCASE('z')}, {d '2024-01-01'}");
		printf("parameters\n");
		parameters(connection);
		printf("transactions\n");
		transactions(connection);
		printf("scrolling\n");
		scrolling(connection);
		printf("errors\n");
		errors(connection);
		if (i == 0) {
			printf("the catalog\n");
			catalog(connection);
		}
		run(connection, "DROP SCHEMA yard CASCADE");
		closed(connection);
	}
	printf("refused\n");
	opened("Pwd=wrong");
	opened("Database=nowhere");
	SQLFreeHandle(SQL_HANDLE_ENV, environment);
	return 0;
}
