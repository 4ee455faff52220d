// An application on pgx: binary values, cached statements, batches that are sent whole, COPY in binary, LISTEN, pools.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

var background = context.Background()

func say(values ...interface{}) {
	line := make([]string, len(values))
	for i, value := range values {
		line[i] = shown(value)
	}
	fmt.Println("  " + strings.Join(line, " "))
}

func shown(value interface{}) string {
	switch value := value.(type) {
	case []byte:
		return fmt.Sprintf("bytes(%x)", value)
	case string:
		return value
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano)
	case error:
		return told(value)
	case []pgtype.Value:
		fields := make([]string, len(value))
		for i := range value {
			fields[i] = shown(value[i])
		}
		return strings.Join(fields, ", ")
	case pgtype.Value:
		return fmt.Sprintf("%T(%v)", value, value.Get())
	case fmt.Stringer:
		return value.String()
	}
	return fmt.Sprintf("%T(%v)", value, value)
}

func told(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("error: %s %s: %s [position=%d detail=%s hint=%s where=%s schema=%s table=%s column=%s type=%s constraint=%s]", e.Severity, e.Code, e.Message, e.Position,
		e.Detail, e.Hint, e.Where, strings.TrimRight(e.SchemaName, "0123456789"), e.TableName, e.ColumnName, e.DataTypeName, e.ConstraintName)
}

func check(title string, run func() error) {
	fmt.Println(title)
	if err := run(); err != nil {
		say(err)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func connect(more string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("sslmode=disable " + more)
	if err != nil {
		return nil, err
	}
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { say("notice", notice.Severity, notice.Code, notice.Message) }
	return pgx.ConnectConfig(background, config)
}

func rows(answer pgx.Rows, err error) error {
	if err != nil {
		return err
	}
	defer answer.Close()
	for answer.Next() {
		values, err := answer.Values()
		if err != nil {
			return err
		}
		say(values...)
	}
	for _, field := range answer.FieldDescriptions() {
		say("column", string(field.Name), field.DataTypeOID, field.DataTypeSize, field.TypeModifier, field.Format, field.TableOID != 0, field.TableAttributeNumber)
	}
	say(answer.CommandTag())
	return answer.Err()
}

func types(connection *pgx.Conn) error {
	for _, text := range []string{
		"SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, true, 'x'::text, 'y'::varchar(9), 'z'::char(3), 'n'::name, 4294967295::oid",
		"SELECT 1.10::numeric, -123456789012345678901234567890.5::numeric, 'NaN'::numeric, 1e40::numeric, 0.00001::numeric(10,5)",
		"SELECT '\\x00ff'::bytea, '2024-02-29'::date, '01:02:03.5'::time, '2024-02-29 01:02:03'::timestamp, '2024-02-29 01:02:03+02'::timestamptz, '1 month 2 days 3 seconds'::interval",
		"SELECT '{1,NULL,2}'::int[], '{{a,b},{c,d}}'::text[], '{}'::int8[], '[0:1]={5,6}'::int2[], '{1.5}'::numeric[], '{t}'::bool[]",
		"SELECT '{\"a\": [1, null]}'::json, '{\"a\": 1}'::jsonb, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, NULL::int, 'infinity'::timestamptz, '-infinity'::date",
		"SELECT '10.0.0.1/8'::inet, '2001:db8::/32'::cidr, '08:00:2b:01:02:03'::macaddr, '101'::bit(3), '1'::varbit, 'c'::\"char\"",
		"SELECT ROW(1, 'a'::text, NULL::int), ARRAY['2024-01-01'::date], 'a' || 'b', now() - now(), '0044-03-15 BC'::date",
	} {
		if err := rows(connection.Query(background, text)); err != nil {
			say(err)
		}
		if err := rows(connection.Query(background, text, pgx.QuerySimpleProtocol(true))); err != nil {
			say(err)
		}
	}
	for _, one := range []struct {
		kind  string
		value interface{}
	}{
		{"int2", int16(-5)}, {"int4", 5}, {"int8", int64(1) << 60}, {"float4", float32(1.5)}, {"float8", 0.1}, {"bool", true}, {"text", "é"}, {"bytea", []byte{0, 255}},
		{"timestamptz", time.Date(2024, 2, 29, 1, 2, 3, 456789000, time.UTC)}, {"date", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}, {"interval", 90 * time.Minute},
		{"uuid", [16]byte{1, 2, 3, 4}}, {"numeric", "1.5"}, {"int4[]", []int32{1, 2}}, {"text[]", []string{"a", ""}}, {"int8[]", [][]int64{{1, 2}, {3, 4}}}, {"jsonb", map[string]int{"a": 1}},
		{"inet", net.IPv4(10, 0, 0, 1)}, {"text", nil}, {"int4", nil}, {"int4", "12"}, {"int2", 70000}, {"timestamp", time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)}, {"float8[]", []float64{1.5}},
	} {
		var text *string
		if err := connection.QueryRow(background, "SELECT $1::"+one.kind+"::text", one.value).Scan(&text); err != nil {
			say(one.kind, err)
		} else if text == nil {
			say(one.kind, "NULL")
		} else {
			say(one.kind, *text)
		}
	}
	return nil
}

func writes(connection *pgx.Conn) error {
	tag, err := connection.Exec(background, "CREATE TEMP TABLE stock (id int PRIMARY KEY, name text NOT NULL, price numeric(8,2), at timestamptz, tags text[], raw bytea, doc jsonb)")
	must(err)
	say(tag)
	for i := 0; i < 3; i++ {
		tag, err = connection.Exec(background, "INSERT INTO stock VALUES ($1, $2, $3, $4, $5, $6, $7)", i, fmt.Sprint("n", i), "1.25", time.Unix(int64(i), 0), []string{"x"}, []byte{byte(i)}, map[string]int{"i": i})
		say(tag, err)
	}
	must(rows(connection.Query(background, "SELECT * FROM stock WHERE id = ANY($1) ORDER BY id", []int32{0, 2})))
	for _, text := range []string{"INSERT INTO stock (id, name) VALUES (1, 'again')", "INSERT INTO stock (id) VALUES (9)", "SELECT nothing FROM stock", "SELECT * FROM nowhere", "SELECT 1 / 0", "SELECT $1", "SELECT", "SELEC"} {
		tag, err := connection.Exec(background, text)
		say(text, tag, err)
	}
	say("described")
	description, err := connection.Prepare(background, "described", "UPDATE stock SET price = $1, at = $2 WHERE id = $3 AND name LIKE $4 RETURNING price * 2 AS twice, tags")
	must(err)
	say(description.ParamOIDs)
	for _, field := range description.Fields {
		say(string(field.Name), field.DataTypeOID, field.TypeModifier, field.TableOID != 0, field.TableAttributeNumber)
	}
	_, err = connection.Prepare(background, "wrong", "SELECT nothing")
	say(err)
	_, err = connection.PgConn().Prepare(background, "described", "SELECT 1", nil)
	say(err)
	must(connection.Deallocate(background, "described"))
	_, err = connection.PgConn().ExecPrepared(background, "described", nil, nil, nil).Close()
	say(err)
	must(rows(connection.Query(background, "SELECT id, name FROM stock ORDER BY id")))
	_, err = connection.Exec(background, "ALTER TABLE stock RENAME name TO title; ALTER TABLE stock ALTER id TYPE bigint")
	must(err)
	err = rows(connection.Query(background, "SELECT * FROM stock WHERE id = ANY($1) ORDER BY id", []int32{0, 2}))
	say(err)
	say(rows(connection.Query(background, "SELECT id FROM stock ORDER BY id")))
	answers, err := connection.PgConn().Exec(background, "SELECT 1; DELETE FROM stock WHERE id = 0; SELECT 'a', 'b'; SELECT 1/(1 - i) FROM generate_series(1, 1) i; SELECT 5").ReadAll()
	for _, answer := range answers {
		say(answer.CommandTag, len(answer.Rows))
	}
	say(err)
	return nil
}

func batches(connection *pgx.Conn) error {
	batch := &pgx.Batch{}
	batch.Queue("CREATE TEMP TABLE piped (a int PRIMARY KEY)")
	answers := connection.SendBatch(background, batch)
	must(answers.Close())
	batch = &pgx.Batch{}
	for i := 0; i < 500; i++ {
		batch.Queue("INSERT INTO piped VALUES ($1)", i)
	}
	batch.Queue("SELECT count(*), sum(a) FROM piped")
	batch.Queue("SELECT a FROM piped WHERE a < $1 ORDER BY a", 3)
	answers = connection.SendBatch(background, batch)
	for i := 0; i < 500; i++ {
		if _, err := answers.Exec(); err != nil {
			return err
		}
	}
	must(rows(answers.Query()))
	must(rows(answers.Query()))
	must(answers.Close())
	batch = &pgx.Batch{}
	batch.Queue("INSERT INTO piped VALUES ($1)", 1000)
	batch.Queue("INSERT INTO piped VALUES ($1)", 1)
	batch.Queue("INSERT INTO piped VALUES ($1)", 1001)
	answers = connection.SendBatch(background, batch)
	for i := 0; i < 3; i++ {
		tag, err := answers.Exec()
		say(tag, err)
	}
	say(answers.Close())
	must(rows(connection.Query(background, "SELECT count(*) FROM piped WHERE a >= 1000")))
	// Several Syncs are on their way before the first answer is read.
	raw := connection.PgConn()
	first := &pgconn.Batch{}
	first.ExecParams("SELECT $1::int4", [][]byte{[]byte("7")}, nil, nil, []int16{1})
	first.ExecParams("SELECT $1::text", [][]byte{nil}, nil, nil, nil)
	results, err := raw.ExecBatch(background, first).ReadAll()
	for _, result := range results {
		say(result.Rows, result.CommandTag, result.Err)
	}
	return err
}

func transactions(connection *pgx.Conn) error {
	_, err := connection.Exec(background, "CREATE TEMP TABLE deep (a int PRIMARY KEY)")
	must(err)
	tx, err := connection.BeginTx(background, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadWrite, DeferrableMode: pgx.NotDeferrable})
	must(err)
	_, err = tx.Exec(background, "INSERT INTO deep VALUES (1)")
	must(err)
	nested, err := tx.Begin(background)
	must(err)
	_, err = nested.Exec(background, "INSERT INTO deep VALUES (1)")
	say(err)
	_, err = nested.Exec(background, "SELECT 1")
	say(err, nested.Rollback(background))
	nested, err = tx.Begin(background)
	must(err)
	_, err = nested.Exec(background, "INSERT INTO deep VALUES (2)")
	must(err)
	must(nested.Commit(background))
	must(tx.Commit(background))
	must(rows(connection.Query(background, "SELECT a FROM deep ORDER BY a")))
	tx, err = connection.BeginTx(background, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead})
	must(err)
	_, err = tx.Exec(background, "SELECT * FROM nowhere")
	say(err, tx.Commit(background))
	return nil
}

func copying(connection *pgx.Conn) error {
	_, err := connection.Exec(background, "CREATE TEMP TABLE bulk (a int8, b text, c numeric, d timestamptz, e bool, f bytea, g int4[], h uuid, i float8, j date, k jsonb, l inet)")
	must(err)
	input := [][]interface{}{}
	for i := 0; i < 5000; i++ {
		input = append(input, []interface{}{int64(i), fmt.Sprint("row ", i), nil, time.Unix(int64(i), 0), i%2 == 0, []byte{byte(i)}, []int32{int32(i)}, [16]byte{byte(i)}, float64(i) / 2, time.Unix(int64(i)*86400, 0), map[string]int{"i": i}, net.IPv4(10, 0, 0, byte(i))})
	}
	count, err := connection.CopyFrom(background, pgx.Identifier{"bulk"}, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}, pgx.CopyFromRows(input))
	say(count, err)
	must(rows(connection.Query(background, "SELECT count(*), sum(a), max(b), sum(i), max(d), max(j) FROM bulk")))
	must(rows(connection.Query(background, "SELECT * FROM bulk WHERE a = 300")))
	_, err = connection.CopyFrom(background, pgx.Identifier{"nowhere"}, []string{"a"}, pgx.CopyFromRows(input))
	say(err)
	text := &strings.Builder{}
	tag, err := connection.PgConn().CopyTo(background, text, "COPY (SELECT a, b, d FROM bulk WHERE a < 2 ORDER BY a) TO STDOUT (FORMAT csv, HEADER)")
	say(tag, err, strings.ReplaceAll(text.String(), "\n", "|"))
	tag, err = connection.PgConn().CopyFrom(background, strings.NewReader("x,y\n"), "COPY bulk (a, b) FROM STDIN (FORMAT csv)")
	say(tag, err)
	return nil
}

func listening(connection *pgx.Conn) error {
	_, err := connection.Exec(background, "LISTEN sales")
	must(err)
	other, err := connect("")
	must(err)
	defer other.Close(background)
	_, err = other.Exec(background, "SELECT pg_notify('sales', $1)", "one")
	must(err)
	heard, err := connection.WaitForNotification(background)
	must(err)
	say(heard.Channel, heard.Payload, heard.PID == other.PgConn().PID())
	_, err = connection.Exec(background, "NOTIFY sales")
	must(err)
	heard, err = connection.WaitForNotification(background)
	must(err)
	say(heard.Channel, heard.Payload, heard.PID == connection.PgConn().PID())
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err = connection.WaitForNotification(ctx)
	say(pgconn.Timeout(err), connection.IsClosed())
	_, err = connection.Exec(background, "UNLISTEN *")
	return err
}

func ended(connection *pgx.Conn) error {
	done := make(chan error)
	go func() {
		_, err := connection.Exec(background, "SELECT pg_sleep(60)")
		done <- err
	}()
	for {
		must(connection.PgConn().CancelRequest(background))
		select {
		case err := <-done:
			say(err)
			goto cancelled
		case <-time.After(20 * time.Millisecond):
		}
	}
cancelled:
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	_, err := connection.Exec(ctx, "SELECT pg_sleep(60)")
	say(pgconn.Timeout(err), connection.IsClosed())
	return nil
}

func pooled() error {
	pool, err := pgxpool.Connect(background, "sslmode=disable pool_max_conns=4")
	must(err)
	defer pool.Close()
	sums := make(chan int)
	for i := 0; i < 40; i++ {
		go func(i int) {
			var one int
			if err := pool.QueryRow(background, "SELECT $1::int + 1", i).Scan(&one); err != nil {
				say(err)
			}
			sums <- one
		}(i)
	}
	sum := 0
	for i := 0; i < 40; i++ {
		sum += <-sums
	}
	say(sum)
	return nil
}

func main() {
	os.Setenv("PGTZ", "UTC")
	connection, err := connect("")
	must(err)
	for _, name := range []string{"server_encoding", "TimeZone", "integer_datetimes", "standard_conforming_strings", "is_superuser", "session_authorization"} {
		say(name, connection.PgConn().ParameterStatus(name))
	}
	check("types", func() error { return types(connection) })
	check("writes", func() error { return writes(connection) })
	check("batches", func() error { return batches(connection) })
	check("transactions", func() error { return transactions(connection) })
	check("COPY", func() error { return copying(connection) })
	check("LISTEN", func() error { return listening(connection) })
	check("ended", func() error { return ended(connection) })
	check("a pool", pooled)
	for _, more := range []string{"password=wrong", "dbname=nowhere", "target_session_attrs=read-write application_name=pgx", "search_path=pg_catalog", "target_session_attrs=standby", "statement_cache_mode=describe", "prefer_simple_protocol=true"} {
		check("connecting with "+more, func() error {
			other, err := connect(more)
			if err != nil {
				if at := strings.Index(err.Error(), "failed"); at >= 0 && !errors.As(err, new(*pgconn.PgError)) {
					return errors.New("it failed")
				}
				return err
			}
			defer other.Close(background)
			return rows(other.Query(background, "SELECT current_setting('search_path'), $1::int", 5))
		})
	}
	check("TLS", func() error {
		config, err := pgx.ParseConfig("sslmode=require")
		must(err)
		other, err := pgx.ConnectConfig(background, config)
		must(err)
		defer other.Close(background)
		return rows(other.Query(background, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
	})
}
