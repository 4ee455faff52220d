// An application on pgJDBC: statements prepared here and on the server, batches, generated keys, fetch size, COPY,
// savepoints, types, and what tools read of a schema by DatabaseMetaData.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.Executors;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class Jdbc {
    interface Use { void run(Connection connection) throws Exception; }
    interface Run { void run() throws Exception; }

    static Connection connect(String... properties) throws SQLException {
        Properties all = new Properties();
        all.setProperty("user", System.getenv("PGUSER"));
        all.setProperty("password", System.getenv("PGPASSWORD"));
        all.setProperty("sslmode", "disable");
        for (int i = 0; i < properties.length; i += 2) all.setProperty(properties[i], properties[i + 1]);
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, all);
    }

    static void say(Object... values) {
        StringBuilder line = new StringBuilder(" ");
        for (Object value : values) line.append(' ').append(shown(value));
        System.out.println(line);
    }

    static String shown(Object value) {
        try {
            if (value instanceof byte[]) return "bytes " + HexFormat.of().formatHex((byte[]) value);
            if (value instanceof long[]) return Arrays.toString((long[]) value);
            if (value instanceof int[]) return Arrays.toString((int[]) value);
            if (value instanceof Object[]) return Arrays.deepToString((Object[]) value);
            if (value instanceof java.sql.Array) return ((java.sql.Array) value).getBaseTypeName() + " " + shown(((java.sql.Array) value).getArray());
            return String.valueOf(value);
        } catch (SQLException error) {
            return error.toString();
        }
    }

    static void sayError(Throwable thrown) {
        if (!(thrown instanceof SQLException)) { say("thrown:", thrown); return; }
        SQLException error = (SQLException) thrown;
        StringBuilder line = new StringBuilder(error.getClass().getSimpleName() + " " + error.getSQLState() + ": " + error.getMessage().replace('\n', '|'));
        if (error instanceof PSQLException && ((PSQLException) error).getServerErrorMessage() != null) {
            ServerErrorMessage server = ((PSQLException) error).getServerErrorMessage();
            line.append(String.format(" [%s position=%d schema=%s table=%s column=%s type=%s constraint=%s]", server.getSeverity(), server.getPosition(),
                server.getSchema() == null ? null : server.getSchema().replaceAll("^pg_temp_\\d+", "pg_temp"), server.getTable(), server.getColumn(), server.getDatatype(), server.getConstraint()));
        }
        say("error:", line);
        if (error.getNextException() != null) sayError(error.getNextException());
    }

    static void check(String title, Run run) {
        System.out.println(title);
        try { run.run(); } catch (Throwable thrown) { sayError(thrown); }
    }

    static void with(String title, Use use, String... properties) {
        check(title, () -> { try (Connection connection = connect(properties)) { use.run(connection); } });
    }

    static void refused(Run run) {
        try { run.run(); say("not refused"); } catch (Throwable thrown) { sayError(thrown); }
    }

    static void execute(Connection connection, String... texts) throws SQLException {
        try (Statement statement = connection.createStatement()) { for (String text : texts) statement.execute(text); }
    }

    // Every row, with columns that name places of PostgreSQL's own left out.
    static void rows(ResultSet set) throws SQLException {
        ResultSetMetaData columns = set.getMetaData();
        int count = 0;
        while (set.next()) {
            StringJoiner line = new StringJoiner(", ");
            for (int i = 1; i <= columns.getColumnCount(); i++) {
                String name = columns.getColumnLabel(i);
                String value = set.getString(i);
                // How large something is, and words about what is built in, are told by nobody here.
                if (Set.of("CARDINALITY", "PAGES", "remarks").contains(name)) continue;
                if (name.equalsIgnoreCase("SPECIFIC_NAME") && value != null) value = value.replaceAll("_\\d+$", "");
                line.add(name + "=" + value);
            }
            say(line);
            count++;
        }
        say(count, "rows of", columns.getColumnCount(), "columns");
        set.close();
    }

    static void query(Connection connection, String text, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(text)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            rows(statement.executeQuery());
        }
    }

    static void warnings(SQLWarning warning) {
        for (; warning != null; warning = warning.getNextWarning()) say("warning:", warning.getSQLState(), warning.getMessage());
    }

    static final String[] SCHEMA = {
        "DROP SCHEMA IF EXISTS shop CASCADE", "CREATE SCHEMA shop",
        "CREATE TYPE shop.mood AS ENUM ('sad', 'happy')", "CREATE DOMAIN shop.email AS text CHECK (VALUE LIKE '%@%')",
        "CREATE TYPE shop.pair AS (a int, b text)",
        "CREATE TABLE shop.customer (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, mail shop.email, mood shop.mood DEFAULT 'sad', born date)",
        "CREATE TABLE shop.purchase (customer_id int NOT NULL REFERENCES shop.customer ON DELETE CASCADE ON UPDATE SET NULL, line smallint, "
            + "at timestamp(3) with time zone DEFAULT now(), amount numeric(12,2) NOT NULL, tags text[], doc jsonb, raw bytea, code char(3), "
            + "total numeric GENERATED ALWAYS AS (amount * 2) STORED, n bigint GENERATED BY DEFAULT AS IDENTITY, PRIMARY KEY (customer_id, line))",
        "CREATE INDEX purchase_at ON shop.purchase (at DESC, lower(code)) WHERE amount > 0", "CREATE UNIQUE INDEX purchase_n ON shop.purchase (n)",
        "CREATE VIEW shop.big AS SELECT customer_id, amount FROM shop.purchase WHERE amount > 100",
        "CREATE MATERIALIZED VIEW shop.sums AS SELECT customer_id, sum(amount) AS s FROM shop.purchase GROUP BY 1",
        "CREATE SEQUENCE shop.ticket", "CREATE TABLE shop.parted (k int, v text) PARTITION BY RANGE (k)",
        "CREATE TABLE shop.parted_1 PARTITION OF shop.parted FOR VALUES FROM (0) TO (10)",
        "COMMENT ON TABLE shop.customer IS 'who buys'", "COMMENT ON COLUMN shop.customer.name IS 'in full'",
        "GRANT SELECT, INSERT ON shop.customer TO PUBLIC", "GRANT UPDATE (name) ON shop.customer TO PUBLIC",
    };

    public static void main(String[] arguments) throws Exception {
        DriverManager.setLoginTimeout(30);
        with("the schema", connection -> { execute(connection, SCHEMA); warnings(connection.getWarnings()); });
        with("what the connection says", Jdbc::connection, "ApplicationName", "jdbc", "options", "-c statement_timeout=54321");
        with("types", Jdbc::types);
        with("types in binary", Jdbc::types, "prepareThreshold", "-1", "binaryTransfer", "true");
        with("types as strings", Jdbc::types, "stringtype", "unspecified", "preferQueryMode", "simple");
        with("prepared on the server", Jdbc::prepared);
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            with("query mode " + mode, Jdbc::writes, "preferQueryMode", mode);
        }
        with("batches", Jdbc::batches);
        with("batches that are rewritten", Jdbc::batches, "reWriteBatchedInserts", "true");
        with("generated keys", Jdbc::generatedKeys);
        with("transactions", Jdbc::transactions);
        for (String autosave : new String[] {"always", "conservative"}) with("autosave " + autosave, Jdbc::autosave, "autosave", autosave);
        with("fetch size", Jdbc::fetch);
        with("fetch size of the connection", Jdbc::fetch, "defaultRowFetchSize", "3", "prepareThreshold", "1");
        with("result sets that are changed", Jdbc::updatable);
        with("COPY", Jdbc::copies);
        with("LISTEN", Jdbc::listen);
        with("errors", Jdbc::errors);
        with("timeouts and cancelling", Jdbc::timeouts);
        with("calls", Jdbc::calls);
        with("TLS", connection -> query(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "sslmode", "require");
        with("TLS with channel binding", connection -> query(connection, "SELECT 1"), "sslmode", "require", "channelBinding", "require");
        with("a wrong password", connection -> say("in"), "password", "wrong");
        with("no such role", connection -> say("in"), "user", "nobody there");
        with("for reading only", connection -> { say(connection.isReadOnly()); refused(() -> execute(connection, "CREATE TABLE shop.x ()")); }, "readOnly", "true", "readOnlyMode", "always");
        with("a schema of its own", connection -> query(connection, "SELECT current_schema(), name FROM customer LIMIT 1"), "currentSchema", "shop,public");
        with("a primary server", connection -> query(connection, "SELECT 1 AS one"), "targetServerType", "primary");
        with("metadata: what is supported", Jdbc::supported);
        with("metadata: what is there", Jdbc::catalog);
        with("metadata of statements", Jdbc::described);
        with("the end", connection -> { execute(connection, "DROP SCHEMA shop CASCADE"); warnings(connection.getWarnings()); });
    }

    static void connection(Connection connection) throws Exception {
        DatabaseMetaData data = connection.getMetaData();
        say(data.getDatabaseProductName(), data.getDatabaseMajorVersion(), connection.getCatalog(), connection.getSchema());
        say(connection.getTransactionIsolation(), connection.getAutoCommit(), connection.isReadOnly(), connection.isValid(5), connection.getHoldability());
        Map<String, String> reported = new TreeMap<>(connection.unwrap(PGConnection.class).getParameterStatuses());
        reported.remove("server_version");
        say(reported);
        query(connection, "SELECT current_setting('statement_timeout') AS t, current_setting('extra_float_digits') AS d, current_setting('application_name') AS a");
        connection.setClientInfo("ApplicationName", "renamed");
        query(connection, "SHOW application_name");
        connection.setSchema("shop");
        say(connection.getSchema());
        query(connection, "SELECT current_schemas(true)");
        connection.setReadOnly(true);
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        query(connection, "SELECT current_setting('transaction_isolation') AS i, current_setting('transaction_read_only') AS r");
        refused(() -> connection.setNetworkTimeout(Executors.newSingleThreadExecutor(task -> { Thread thread = new Thread(task); thread.setDaemon(true); return thread; }), 60000));
        execute(connection, "SET TimeZone = 'Asia/Tokyo'");
        query(connection, "SHOW timezone");
    }

    static void types(Connection connection) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        String columns = "i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric(20,5), free numeric, b bool, t text, v varchar(10), c char(4), "
            + "by bytea, d date, tm time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, j json, jb jsonb, ia int4[], ta text[], "
            + "na numeric[], o oid, m shop.mood, em shop.email, ip inet, bits bit(3), nm name";
        execute(connection, "CREATE TEMP TABLE kinds (" + columns + ")");
        String places = "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?::shop.mood,?,?,?::bit(3),?";
        for (int round = 0; round < 2; round++) {
            try (PreparedStatement insert = connection.prepareStatement("INSERT INTO kinds VALUES (" + places + ")")) {
                int i = 1;
                insert.setShort(i++, (short) -7);
                insert.setInt(i++, Integer.MIN_VALUE);
                insert.setLong(i++, Long.MAX_VALUE);
                insert.setFloat(i++, 1.25f);
                insert.setDouble(i++, round == 0 ? 1e-300 : Double.NaN);
                insert.setBigDecimal(i++, new BigDecimal("12345.67890"));
                insert.setBigDecimal(i++, new BigDecimal("-1E+30"));
                insert.setBoolean(i++, true);
                insert.setString(i++, "grüße 木");
                insert.setString(i++, "v");
                insert.setString(i++, "ab");
                insert.setBytes(i++, new byte[] {0, -1, 39, 92});
                insert.setDate(i++, java.sql.Date.valueOf("2024-02-29"));
                insert.setTime(i++, Time.valueOf("01:02:03"));
                insert.setObject(i++, OffsetTime.parse("10:00:00+02:00"));
                insert.setObject(i++, LocalDateTime.parse("2024-02-29T12:34:56.789012"));
                insert.setTimestamp(i++, Timestamp.from(Instant.parse("1970-01-01T00:00:00.5Z")));
                insert.setObject(i++, new PGInterval("1 year 2 days 3:04:05.6"));
                insert.setObject(i++, UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
                insert.setObject(i++, object("json", "{\"a\": 1}"));
                insert.setObject(i++, object("jsonb", "{\"b\":[1,null]}"));
                insert.setArray(i++, connection.createArrayOf("int4", new Object[] {1, null, 3}));
                insert.setArray(i++, connection.createArrayOf("text", new Object[] {"a,b", "\"q\"", null, ""}));
                insert.setArray(i++, connection.createArrayOf("numeric", new Object[] {new BigDecimal("1.50"), null}));
                insert.setLong(i++, 4294967295L);
                insert.setString(i++, "happy");
                insert.setString(i++, "a@b");
                insert.setObject(i++, object("inet", "10.0.0.1/8"));
                insert.setString(i++, "101");
                insert.setString(i++, "name");
                say(insert.executeUpdate());
                for (int k = 1; k < i; k++) insert.setNull(k, k == 12 ? Types.BINARY : Types.NULL);
                if (round == 0) say(insert.executeUpdate());
            }
        }
        for (int round = 0; round < 7; round++) {
            try (PreparedStatement select = connection.prepareStatement("SELECT * FROM kinds"); ResultSet set = select.executeQuery()) {
                ResultSetMetaData data = set.getMetaData();
                if (round == 0 || round == 6) {
                    while (set.next()) {
                        for (int i = 1; i <= data.getColumnCount(); i++) {
                            say(data.getColumnName(i), data.getColumnTypeName(i), data.getColumnClassName(i), shown(set.getObject(i)), "/", String.valueOf(set.getString(i)).replaceAll("@[0-9a-f]+$", "@"));
                        }
                    }
                }
            }
        }
        try (PreparedStatement select = connection.prepareStatement("SELECT d, ts, tstz, tm, tz, i4, ta, by FROM kinds LIMIT 1"); ResultSet set = select.executeQuery()) {
            set.next();
            say(set.getObject(1, LocalDate.class), set.getObject(2, LocalDateTime.class), set.getObject(3, OffsetDateTime.class), set.getObject(4, LocalTime.class));
            say(set.getObject(5, OffsetTime.class), set.getLong(6), set.getArray(7), set.getBinaryStream(8).readAllBytes());
        }
        query(connection, "SELECT ?::text AS a, ? + 1 AS b, ?::date + 1 AS c, ? = ANY (?::int[]) AS d", "x", 5, LocalDate.of(2024, 1, 1), 2, connection.createArrayOf("int4", new Integer[] {1, 2}));
        query(connection, "SELECT ARRAY[ARRAY[1,2],ARRAY[3,4]] AS nested, ROW(1, 'a', NULL) AS r, '(1,x)'::shop.pair AS p, 'infinity'::timestamp AS i, 'NaN'::numeric AS nan, 1e400::numeric AS big, ARRAY['sad']::shop.mood[] AS moods");
        query(connection, "SELECT {fn concat('a', 'b')} AS c, {fn ucase('x')} AS u, {d '2024-01-01'} AS d, {ts '2024-01-01 01:02:03'} AS ts, {fn timestampdiff(SQL_TSI_DAY, {ts '2024-01-01 00:00:00'}, {ts '2024-01-03 00:00:00'})} AS diff, {fn mod(7, 4)} AS m, {fn substring('abc', 2, 1)} AS s, {fn locate('b', 'abc')} AS l");
    }

    static PGobject object(String type, String value) throws SQLException {
        PGobject object = new PGobject();
        object.setType(type);
        object.setValue(value);
        return object;
    }

    static void prepared(Connection connection) throws Exception {
        try (PreparedStatement statement = connection.prepareStatement("SELECT ?::int * 2 AS d, ?::numeric AS n, now() IS NOT NULL AS t")) {
            for (int i = 0; i < 8; i++) {
                statement.setInt(1, i);
                statement.setBigDecimal(2, new BigDecimal("1.5"));
                try (ResultSet set = statement.executeQuery()) { set.next(); say(i, statement.unwrap(PGStatement.class).isUseServerPrepare(), set.getInt(1), set.getBigDecimal(2)); }
            }
            statement.setString(1, "9");
            try (ResultSet set = statement.executeQuery()) { set.next(); say(set.getInt(1)); }
        }
        query(connection, "SELECT statement, parameter_types::text, from_sql FROM pg_prepared_statements ORDER BY 1");
        execute(connection, "CREATE TEMP TABLE shape (a int)", "INSERT INTO shape VALUES (1)");
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM shape")) {
            for (int i = 0; i < 7; i++) statement.executeQuery().close();
            execute(connection, "ALTER TABLE shape ADD COLUMN b text DEFAULT 'new'");
            rows(statement.executeQuery());
            connection.setAutoCommit(false);
            for (int i = 0; i < 7; i++) statement.executeQuery().close();
            execute(connection, "ALTER TABLE shape DROP COLUMN a");
            refused(() -> statement.executeQuery());
            connection.rollback();
            connection.setAutoCommit(true);
        }
        execute(connection, "DEALLOCATE ALL");
        for (int i = 0; i < 300; i++) query300(connection, i);
        query(connection, "SELECT count(*) <= 257 AS bounded FROM pg_prepared_statements");
    }

    static void query300(Connection connection, int i) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT " + i)) {
            statement.unwrap(PGStatement.class).setPrepareThreshold(1);
            statement.executeQuery().close();
        }
    }

    static void writes(Connection connection) throws Exception {
        execute(connection, "CREATE TEMP TABLE w (a int PRIMARY KEY, b text)");
        try (Statement statement = connection.createStatement()) {
            say(statement.executeUpdate("INSERT INTO w SELECT i, 'x' || i FROM generate_series(1, 5) i"), statement.executeUpdate("DELETE FROM w WHERE a > 4"));
            boolean isSet = statement.execute("SELECT 1 AS a; UPDATE w SET b = 'y' WHERE a < 3; SELECT a, b FROM w WHERE b = 'y' ORDER BY a; DELETE FROM w WHERE a = 99");
            while (isSet || statement.getUpdateCount() != -1) {
                if (isSet) rows(statement.getResultSet()); else say("updated", statement.getUpdateCount());
                isSet = statement.getMoreResults();
            }
            refused(() -> statement.execute("INSERT INTO w VALUES (50, 'z'); SELECT 1/0; INSERT INTO w VALUES (51, 'z')"));
            rows(statement.executeQuery("SELECT count(*) FROM w WHERE a >= 50"));
            say(statement.execute(""), statement.getUpdateCount());
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT 'a?b' AS q, b ?? 'k' AS has, ? AS v FROM (SELECT '{\"k\": 1}'::jsonb AS b) s WHERE 1 = ? -- ? no parameter")) {
            statement.setString(1, "it's \\ \"quoted\"");
            statement.setInt(2, 1);
            rows(statement.executeQuery());
        }
        query(connection, "SELECT $$dollar ? quoted$$ AS d, E'a\\'b' AS e, U&'\\0041' AS u");
    }

    static void batches(Connection connection) throws Exception {
        execute(connection, "CREATE TEMP TABLE bt (a serial PRIMARY KEY, b text, c int UNIQUE)");
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO bt (b, c) VALUES (?, ?)")) {
            for (int i = 0; i < 300; i++) { statement.setString(1, "b" + i); statement.setInt(2, i); statement.addBatch(); }
            int[] counts = statement.executeBatch();
            say(counts.length, counts[0], counts[299]);
            for (int i : new int[] {1000, 1001, 5, 1002}) { statement.setString(1, "again"); statement.setInt(2, i); statement.addBatch(); }
            try { statement.executeBatch(); } catch (BatchUpdateException error) { say(error.getUpdateCounts()); sayError(error); }
        }
        query(connection, "SELECT count(*), max(c) FROM bt");
        try (Statement statement = connection.createStatement()) {
            statement.addBatch("UPDATE bt SET b = 'u' WHERE c < 10");
            statement.addBatch("DELETE FROM bt WHERE c = 299");
            statement.addBatch("INSERT INTO bt (b, c) VALUES ('s', 2000)");
            say(statement.executeBatch());
            statement.addBatch("SELECT 1");
            refused(() -> statement.executeBatch());
        }
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO bt (b, c) VALUES (?, ?) RETURNING a", Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 3; i++) { statement.setString(1, "k"); statement.setInt(2, 3000 + i); statement.addBatch(); }
            say(statement.executeBatch());
            try (ResultSet keys = statement.getGeneratedKeys()) { int count = 0; while (keys.next()) count++; say("keys", count); }
        }
        try (PreparedStatement statement = connection.prepareStatement("UPDATE bt SET b = ? WHERE c = ?")) {
            for (int i = 0; i < 5; i++) { statement.setString(1, "w"); statement.setInt(2, 3000 + i); statement.addBatch(); }
            say(statement.executeLargeBatch());
        }
        connection.commit();
        connection.setAutoCommit(true);
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO bt (b, c) VALUES (?, ?) ON CONFLICT (c) DO UPDATE SET b = excluded.b")) {
            for (int i = 0; i < 4; i++) { statement.setString(1, i % 2 == 0 ? null : "up"); statement.setInt(2, 4000 + i); statement.addBatch(); }
            say(statement.executeBatch());
        }
        query(connection, "SELECT b, c FROM bt WHERE c >= 2000 ORDER BY c");
    }

    static void generatedKeys(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            say(statement.executeUpdate("INSERT INTO shop.customer (name) VALUES ('Ann'), ('Bob')", Statement.RETURN_GENERATED_KEYS));
            rows(statement.getGeneratedKeys());
            say(statement.executeUpdate("INSERT INTO shop.customer (name) VALUES ('Cid')", new String[] {"id", "mood"}));
            rows(statement.getGeneratedKeys());
            say(statement.executeUpdate("UPDATE shop.customer SET name = name || '!' WHERE name = 'Cid'", new String[] {"name"}));
            rows(statement.getGeneratedKeys());
            refused(() -> statement.executeUpdate("INSERT INTO shop.customer (name) VALUES ('D')", new int[] {1}));
        }
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO shop.customer (name, mail) VALUES (?, ?)", new String[] {"id"})) {
            statement.setString(1, "Eve");
            statement.setString(2, "eve@x");
            statement.executeUpdate();
            rows(statement.getGeneratedKeys());
        }
    }

    static void transactions(Connection connection) throws Exception {
        execute(connection, "CREATE TEMP TABLE tr (a int PRIMARY KEY)");
        connection.setAutoCommit(false);
        for (int level : new int[] {Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_SERIALIZABLE}) {
            connection.setTransactionIsolation(level);
            query(connection, "SHOW transaction_isolation");
            say(connection.getTransactionIsolation());
            connection.commit();
        }
        Savepoint unnamed = connection.setSavepoint();
        execute(connection, "INSERT INTO tr VALUES (1)");
        Savepoint named = connection.setSavepoint("a \"name\"");
        refused(() -> execute(connection, "INSERT INTO tr VALUES (1)"));
        refused(() -> execute(connection, "SELECT 1"));
        connection.rollback(named);
        execute(connection, "INSERT INTO tr VALUES (2)");
        connection.releaseSavepoint(named);
        query(connection, "SELECT count(*) FROM tr");
        connection.rollback(unnamed);
        query(connection, "SELECT count(*) FROM tr");
        connection.rollback();
        execute(connection, "INSERT INTO tr VALUES (3)");
        refused(() -> execute(connection, "INSERT INTO tr VALUES (3)"));
        refused(() -> connection.commit());
        connection.setAutoCommit(true);
        query(connection, "SELECT count(*) FROM tr");
        refused(() -> connection.commit());
        execute(connection, "BEGIN", "INSERT INTO tr VALUES (4)", "COMMIT");
        query(connection, "SELECT * FROM tr");
    }

    static void autosave(Connection connection) throws Exception {
        execute(connection, "CREATE TEMP TABLE au (a int PRIMARY KEY)");
        connection.setAutoCommit(false);
        execute(connection, "INSERT INTO au VALUES (1)");
        refused(() -> execute(connection, "INSERT INTO au VALUES (1)"));
        refused(() -> execute(connection, "INSERT INTO au VALUES (2)"));
        refused(() -> connection.commit());
        connection.setAutoCommit(true);
        query(connection, "SELECT * FROM au ORDER BY a");
    }

    static void fetch(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(7);
            try (ResultSet set = statement.executeQuery("SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i")) {
                long sum = 0;
                while (set.next()) {
                    sum += set.getInt(1);
                    if (set.getInt(1) == 50) set.setFetchSize(1000);
                    // Another statement runs while the portal is open.
                    if (set.getInt(1) == 20) query(connection, "SELECT 'between' AS b");
                }
                say(sum);
            }
            refused(() -> statement.executeQuery("SELECT 10 / (20 - i) FROM generate_series(20, 40) i"));
            connection.rollback();
            statement.setMaxRows(5);
            rows(statement.executeQuery("SELECT i FROM generate_series(1, 10) i"));
            statement.setMaxRows(0);
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT i FROM generate_series(1, ?) i")) {
            statement.setFetchSize(2);
            for (int round = 0; round < 7; round++) {
                statement.setInt(1, 5);
                try (ResultSet set = statement.executeQuery()) { int count = 0; while (set.next() && count < 3) count++; say(round, count); }
            }
        }
        try (PreparedStatement statement = connection.prepareStatement("SELECT i FROM generate_series(1, 10) i", ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY); ResultSet set = statement.executeQuery()) {
            say(set.last(), set.getRow(), set.getInt(1), set.absolute(3), set.getInt(1), set.relative(-1), set.getInt(1), set.absolute(-2), set.getInt(1));
        }
        connection.commit();
        execute(connection, "DECLARE cur CURSOR FOR SELECT i FROM generate_series(1, 5) i");
        query(connection, "FETCH FORWARD 2 FROM cur");
        query(connection, "FETCH ALL FROM cur");
        execute(connection, "CLOSE cur");
        connection.commit();
        connection.setAutoCommit(true);
        try (Statement statement = connection.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY, ResultSet.HOLD_CURSORS_OVER_COMMIT)) {
            statement.setFetchSize(2);
            rows(statement.executeQuery("SELECT i FROM generate_series(1, 5) i"));
        }
    }

    static void updatable(Connection connection) throws Exception {
        execute(connection, "CREATE TEMP TABLE up (id int PRIMARY KEY, name text, n numeric)", "INSERT INTO up VALUES (1, 'a', 1.5), (2, 'b', 2.5), (3, 'c', 3.5)");
        try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_SENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            try (ResultSet set = statement.executeQuery("SELECT id, name, n FROM up ORDER BY id")) {
                set.next();
                set.updateString("name", "changed");
                set.updateBigDecimal(3, new BigDecimal("9.75"));
                set.updateRow();
                set.next();
                set.deleteRow();
                set.moveToInsertRow();
                set.updateInt(1, 4);
                set.updateString(2, "new");
                set.insertRow();
                set.moveToCurrentRow();
                set.absolute(1);
                set.refreshRow();
                say(set.getString(2), set.rowUpdated());
            }
            try (ResultSet set = statement.executeQuery("SELECT count(*) AS c FROM up")) { say(set.getConcurrency()); set.next(); refused(() -> set.updateInt(1, 5)); }
        }
        query(connection, "SELECT * FROM up ORDER BY id");
    }

    static void copies(Connection connection) throws Exception {
        CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
        execute(connection, "CREATE TEMP TABLE cp (a int, b text, c numeric)");
        say(copy.copyIn("COPY cp FROM STDIN", new StringReader("1\tone\t1.10\n2\t\\N\t\\N\n")));
        say(copy.copyIn("COPY cp FROM STDIN WITH (FORMAT csv, HEADER)", new ByteArrayInputStream("a,b,c\n3,\"x,\"\"y\",3\n".getBytes(StandardCharsets.UTF_8))));
        StringWriter text = new StringWriter();
        say(copy.copyOut("COPY cp TO STDOUT", text), text.toString().replace("\n", "|"));
        ByteArrayOutputStream binary = new ByteArrayOutputStream();
        say(copy.copyOut("COPY (SELECT a, b, c FROM cp ORDER BY a) TO STDOUT (FORMAT binary)", binary), binary.toByteArray());
        say(copy.copyIn("COPY cp FROM STDIN (FORMAT binary)", new ByteArrayInputStream(binary.toByteArray())));
        CopyIn cancelled = copy.copyIn("COPY cp FROM STDIN");
        byte[] line = "9\tnine\t9\n".getBytes(StandardCharsets.UTF_8);
        cancelled.writeToCopy(line, 0, line.length);
        cancelled.cancelCopy();
        refused(() -> copy.copyIn("COPY cp FROM STDIN", new StringReader("x\ty\tz\n")));
        refused(() -> copy.copyIn("COPY cp FROM STDIN (FORMAT binary)", new StringReader("this is not binary at all")));
        refused(() -> copy.copyOut("COPY nowhere TO STDOUT", new StringWriter()));
        refused(() -> execute(connection, "COPY cp TO STDOUT"));
        query(connection, "SELECT count(*), sum(a) FROM cp");
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 50000; i++) many.append(i).append("\trow ").append(i).append("\t").append(i).append(".5\n");
        say(copy.copyIn("COPY cp FROM STDIN", new StringReader(many.toString())));
        query(connection, "SELECT count(*), sum(c) FROM cp");
    }

    static void listen(Connection connection) throws Exception {
        execute(connection, "LISTEN jobs");
        PGConnection listener = connection.unwrap(PGConnection.class);
        execute(connection, "NOTIFY jobs, 'self'");
        try (Connection other = connect()) { query(other, "SELECT pg_notify('jobs', 'other')"); }
        List<String> heard = new ArrayList<>();
        while (heard.size() < 2) for (PGNotification one : listener.getNotifications(10000)) heard.add(one.getName() + "=" + one.getParameter());
        say(heard);
    }

    static void errors(Connection connection) throws Exception {
        for (String text : new String[] {
            "SELECT * FROM nowhere", "SELECT nowhere.x FROM shop.customer", "SELEKT 1", "SELECT 1 +", "SELECT 'x'::int", "INSERT INTO shop.customer (name) VALUES ('Ann')",
            "INSERT INTO shop.customer (mail) VALUES ('a@b')", "INSERT INTO shop.customer (name, mail) VALUES ('z', 'no')", "INSERT INTO shop.customer (name, mood) VALUES ('z', 'cross')",
            "INSERT INTO shop.purchase (customer_id, line, amount) VALUES (-1, 1, 1)", "DELETE FROM nowhere", "SELECT sum(name) FROM shop.customer", "CREATE TABLE shop.customer ()",
            "DROP TABLE shop.customer", "SELECT 10::numeric(2,1)", "SELECT 99999999999::int", "ALTER TABLE shop.customer ADD COLUMN name text", "DROP SCHEMA shop", "SELECT * FROM shop.customer WHERE id = 'x'",
            "SELECT (SELECT id FROM shop.customer)", "INSERT INTO shop.parted VALUES (99, 'x')", "UPDATE shop.sums SET s = 1", "REFRESH MATERIALIZED VIEW shop.customer", "SELECT nextval('shop.nothing')", "SELECT currval('shop.ticket')"}) {
            say(text);
            refused(() -> { try (Statement statement = connection.createStatement()) { statement.execute(text); } });
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS shop.nothing");
            warnings(statement.getWarnings());
            refused(() -> statement.executeQuery("UPDATE shop.customer SET name = name"));
            refused(() -> statement.executeUpdate("SELECT 1"));
        }
        refused(() -> query(connection, "SELECT ?::int", "x"));
        refused(() -> query(connection, "SELECT ? + ?", 1));
        refused(() -> query(connection, "SELECT name FROM shop.customer WHERE id = ?", "1"));
        refused(() -> query(connection, "SELECT id FROM shop.customer WHERE mood = ?", "happy"));
    }

    static void timeouts(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            refused(() -> statement.executeQuery("SELECT pg_sleep(30)"));
            statement.setQueryTimeout(0);
            Thread canceller = new Thread(() -> {
                try {
                    try (Connection other = connect(); Statement seen = other.createStatement()) {
                        while (true) {
                            try (ResultSet set = seen.executeQuery("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(31)' AND state = 'active'")) { if (set.next()) break; }
                            Thread.sleep(5);
                        }
                    }
                    statement.cancel();
                } catch (Exception error) { say(error); }
            });
            canceller.start();
            refused(() -> statement.executeQuery("SELECT pg_sleep(31)"));
            canceller.join();
            execute(connection, "SET statement_timeout = 20");
            refused(() -> statement.executeQuery("SELECT pg_sleep(30)"));
            execute(connection, "RESET statement_timeout");
        }
        query(connection, "SELECT 1 AS after");
        try (Connection other = connect()) {
            execute(other, "SELECT pg_terminate_backend(" + connection.unwrap(PGConnection.class).getBackendPID() + ")");
            while (connection.isValid(1)) Thread.sleep(5);
            say("valid", connection.isValid(1));
        }
    }

    static void calls(Connection connection) throws Exception {
        try (CallableStatement call = connection.prepareCall("{? = call upper(?)}")) {
            call.registerOutParameter(1, Types.VARCHAR);
            call.setString(2, "loud");
            call.execute();
            say(call.getString(1));
        }
        try (CallableStatement call = connection.prepareCall("{? = call mod(?, ?)}")) {
            call.registerOutParameter(1, Types.INTEGER);
            call.setInt(2, 7);
            call.setInt(3, 4);
            call.execute();
            say(call.getInt(1));
        }
        refused(() -> { try (CallableStatement call = connection.prepareCall("{call nothing(?)}")) { call.setInt(1, 1); call.execute(); } });
    }

    // What differs by version, by machine or by meaning of the driver's own.
    static final Set<String> UNTOLD = Set.of("getURL", "getConnection", "getDriverVersion", "getDriverMajorVersion", "getDriverMinorVersion", "getDatabaseProductVersion",
        "getDatabaseMinorVersion", "hashCode", "toString", "getTypeInfo", "getSchemas", "getCatalogs", "getClass", "notify", "notifyAll", "wait", "getSQLKeywords", "getUserName");

    static void supported(Connection connection) throws Exception {
        DatabaseMetaData data = connection.getMetaData();
        Map<String, Method> methods = new TreeMap<>();
        for (Method method : DatabaseMetaData.class.getMethods()) if (method.getParameterCount() == 0 && !UNTOLD.contains(method.getName())) methods.put(method.getName(), method);
        for (Method method : methods.values()) {
            try {
                Object answer = method.invoke(data);
                if (answer instanceof ResultSet) { say(method.getName()); rows((ResultSet) answer); } else say(method.getName(), answer);
            } catch (java.lang.reflect.InvocationTargetException error) { say(method.getName(), error.getCause().getClass().getSimpleName()); }
        }
        say("keywords", data.getSQLKeywords().split(",").length > 100);
        for (int type : new int[] {ResultSet.TYPE_FORWARD_ONLY, ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.TYPE_SCROLL_SENSITIVE}) {
            say(data.supportsResultSetType(type), data.supportsResultSetConcurrency(type, ResultSet.CONCUR_UPDATABLE), data.ownUpdatesAreVisible(type));
        }
    }

    static void catalog(Connection connection) throws Exception {
        DatabaseMetaData data = connection.getMetaData();
        check("catalogs", () -> { ResultSet set = data.getCatalogs(); Set<String> names = new TreeSet<>(); while (set.next()) names.add(set.getString(1)); say(names); });
        check("schemas", () -> rows(data.getSchemas()));
        check("schemas by pattern", () -> rows(data.getSchemas(null, "sh%")));
        check("tables", () -> rows(data.getTables(null, "shop", "%", null)));
        check("tables of some kinds", () -> rows(data.getTables("postgres", "shop", "%", new String[] {"TABLE", "VIEW"})));
        check("tables by name", () -> rows(data.getTables(null, null, "customer", new String[] {"TABLE"})));
        check("system tables", () -> rows(data.getTables(null, "pg_catalog", "pg\\_class", new String[] {"SYSTEM TABLE"})));
        check("views of the system", () -> rows(data.getTables(null, "information_schema", "col%", new String[] {"SYSTEM VIEW"})));
        check("columns", () -> rows(data.getColumns(null, "shop", "%", "%")));
        check("columns of the system", () -> rows(data.getColumns(null, "pg_catalog", "pg\\_namespace", "%")));
        check("primary key", () -> rows(data.getPrimaryKeys(null, "shop", "purchase")));
        check("no primary key", () -> rows(data.getPrimaryKeys(null, "shop", "big")));
        check("imported keys", () -> rows(data.getImportedKeys(null, "shop", "purchase")));
        check("exported keys", () -> rows(data.getExportedKeys(null, "shop", "customer")));
        check("cross reference", () -> rows(data.getCrossReference(null, "shop", "customer", null, "shop", "purchase")));
        check("indexes", () -> rows(data.getIndexInfo(null, "shop", "purchase", false, true)));
        check("unique indexes", () -> rows(data.getIndexInfo(null, "shop", "customer", true, true)));
        check("best row identifier", () -> rows(data.getBestRowIdentifier(null, "shop", "purchase", DatabaseMetaData.bestRowSession, true)));
        check("version columns", () -> rows(data.getVersionColumns(null, "shop", "purchase")));
        check("table privileges", () -> rows(data.getTablePrivileges(null, "shop", "customer")));
        check("column privileges", () -> rows(data.getColumnPrivileges(null, "shop", "customer", "%")));
        check("procedures", () -> rows(data.getProcedures(null, "shop", "%")));
        check("procedure columns", () -> rows(data.getProcedureColumns(null, "shop", "%", "%")));
        check("functions", () -> rows(data.getFunctions(null, "pg_catalog", "lower")));
        check("function columns", () -> rows(data.getFunctionColumns(null, "pg_catalog", "md5", "%")));
        check("user types", () -> rows(data.getUDTs(null, "shop", "%", null)));
        check("types", () -> {
            Set<String> common = new TreeSet<>(List.of("int2", "int4", "int8", "float4", "float8", "numeric", "bool", "text", "varchar", "bpchar", "bytea", "date", "time", "timetz",
                "timestamp", "timestamptz", "interval", "uuid", "json", "jsonb", "oid", "name", "inet", "bit", "varbit", "_int4", "_text", "serial", "bigserial"));
            ResultSet set = data.getTypeInfo();
            int columns = set.getMetaData().getColumnCount();
            Map<String, String> lines = new TreeMap<>();
            while (set.next()) {
                if (!common.contains(set.getString(1))) continue;
                StringJoiner line = new StringJoiner(", ");
                for (int i = 1; i <= columns; i++) line.add(set.getString(i));
                lines.put(set.getString(1), line.toString());
            }
            for (String line : lines.values()) say(line);
        });
        for (String refused : new String[] {"super tables", "super types", "attributes", "pseudo columns"}) {
            check(refused, () -> rows(switch (refused) {
                case "super tables" -> data.getSuperTables(null, "shop", "%");
                case "super types" -> data.getSuperTypes(null, "shop", "%");
                case "attributes" -> data.getAttributes(null, "shop", "%", "%");
                default -> data.getPseudoColumns(null, "shop", "%", "%");
            }));
        }
    }

    static void described(Connection connection) throws Exception {
        for (String text : new String[] {"SELECT c.id AS key, c.name, p.amount, p.amount * 2 AS twice, p.at, p.tags, p.code, c.mood, c.mail, count(*) OVER () AS n FROM shop.customer c JOIN shop.purchase p ON p.customer_id = c.id WHERE c.name = ? AND p.amount > ? AND p.line = ?",
            "INSERT INTO shop.customer (name, born, mood) VALUES (?, ?, ?) RETURNING id", "SELECT * FROM shop.big", "UPDATE shop.customer SET name = ? WHERE id = ?"}) {
            try (PreparedStatement statement = connection.prepareStatement(text)) {
                ParameterMetaData parameters = statement.getParameterMetaData();
                for (int i = 1; i <= parameters.getParameterCount(); i++) say("parameter", parameters.getParameterTypeName(i), parameters.getParameterType(i), parameters.getParameterClassName(i));
                ResultSetMetaData columns = statement.getMetaData();
                for (int i = 1; columns != null && i <= columns.getColumnCount(); i++) {
                    say(columns.getColumnLabel(i), columns.getColumnName(i), columns.getSchemaName(i), columns.getTableName(i), columns.getColumnTypeName(i), columns.getColumnType(i), columns.getPrecision(i),
                        columns.getScale(i), columns.getColumnDisplaySize(i), columns.isNullable(i), columns.isAutoIncrement(i), columns.isSigned(i), columns.isCaseSensitive(i), columns.isWritable(i));
                    org.postgresql.PGResultSetMetaData own = (org.postgresql.PGResultSetMetaData) columns;
                    say(own.getBaseColumnName(i), own.getBaseSchemaName(i), own.getBaseTableName(i));
                }
            }
        }
    }
}
