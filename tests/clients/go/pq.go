// An application on lib/pq: statements, arrays, COPY, LISTEN, errors, contexts that end, TLS.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

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
		return fmt.Sprintf("bytes(%q)", value)
	case string:
		return value
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano)
	case error:
		return told(value)
	}
	return fmt.Sprintf("%T(%v)", value, value)
}

func told(err error) string {
	var e *pq.Error
	if !errors.As(err, &e) {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("error: %s %s %s: %s [position=%s detail=%s hint=%s where=%s schema=%s table=%s column=%s type=%s constraint=%s]", e.Severity, e.Code,
		e.Code.Name(), e.Message, e.Position, e.Detail, e.Hint, e.Where, e.Schema, e.Table, e.Column, e.DataTypeName, e.Constraint)
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

func open(more string) *sql.DB {
	db, err := sql.Open("postgres", "sslmode=disable "+more)
	must(err)
	return db
}

// The rows of an answer, with what its columns are.
func rows(answer *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer answer.Close()
	for {
		kinds, err := answer.ColumnTypes()
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			length, hasLength := kind.Length()
			precision, scale, hasPrecision := kind.DecimalSize()
			say("column", kind.Name(), kind.DatabaseTypeName(), length, hasLength, precision, scale, hasPrecision)
		}
		for answer.Next() {
			values := make([]interface{}, len(kinds))
			places := make([]interface{}, len(kinds))
			for i := range values {
				places[i] = &values[i]
			}
			if err := answer.Scan(places...); err != nil {
				return err
			}
			say(values...)
		}
		if answer.Err() != nil {
			return answer.Err()
		}
		if !answer.NextResultSet() {
			return answer.Err()
		}
	}
}

func types(db *sql.DB) error {
	for _, text := range []string{
		"SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 1.10::numeric(6,2), true, 'x'::text, 'y'::varchar(9), 'z'::char(3)",
		"SELECT '\\x00ff'::bytea, '2024-02-29'::date, '01:02:03.5'::time, '2024-02-29 01:02:03'::timestamp, '2024-02-29 01:02:03+02'::timestamptz, '1 day'::interval",
		"SELECT '{1,2}'::int[], '{\"a\": 1}'::jsonb, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, NULL::int, 'infinity'::float8, '10:00+02'::timetz",
	} {
		if err := rows(db.Query(text)); err != nil {
			say(err)
		}
		if err := rows(db.Query(text+" WHERE $1", true)); err != nil {
			say(err)
		}
	}
	for _, one := range []struct {
		kind  string
		value interface{}
	}{
		{"int4", 5}, {"int8", int64(math.MaxInt64)}, {"float8", 0.1}, {"float8", math.Inf(-1)}, {"bool", false}, {"text", "é'\\"}, {"bytea", []byte{0, 255, '\\'}},
		{"timestamptz", time.Date(2024, 2, 29, 1, 2, 3, 456789000, time.FixedZone("", 7200))}, {"timestamp", time.Date(2024, 2, 29, 1, 2, 3, 0, time.UTC)},
		{"date", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)}, {"numeric", "1.50"}, {"jsonb", json.RawMessage(`{"a":[1]}`)}, {"int4[]", pq.Array([]int64{1, 2})},
		{"text[]", pq.Array([]string{"a", `b"c\`, "NULL"})}, {"float8[]", pq.Array([]float64{1.5})}, {"bool[]", pq.Array([]bool{true})}, {"bytea[]", pq.Array([][]byte{{1}, nil})},
		{"int4[]", pq.Array([][]int64{{1}, {2}})}, {"text", nil}, {"int4", sql.NullInt64{}}, {"int4", "7"}, {"int2", 70000}, {"int4", "x"}, {"date", "never"},
	} {
		var text sql.NullString
		if err := db.QueryRow("SELECT $1::"+one.kind+"::text", one.value).Scan(&text); err != nil {
			say(one.kind, err)
		} else {
			say(one.kind, one.value, "->", fmt.Sprint(text))
		}
	}
	var ints []int64
	var texts []sql.NullString
	var at time.Time
	if err := db.QueryRow("SELECT '{3,4}'::int[], ARRAY['a', NULL, 'b,c'], 'infinity'::timestamptz - 'infinity'::timestamptz IS NULL").Scan(pq.Array(&ints), pq.Array(&texts), new(interface{})); err != nil {
		say(err)
	}
	if err := db.QueryRow("SELECT $1::timestamptz AT TIME ZONE 'Asia/Tokyo'", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).Scan(&at); err != nil {
		return err
	}
	say(ints, texts, at)
	return nil
}

func writes(db *sql.DB) error {
	for _, text := range []string{"DROP TABLE IF EXISTS visit", "CREATE TABLE visit (id bigserial PRIMARY KEY, who text NOT NULL UNIQUE, at timestamptz, note text, n int CHECK (n > 0))"} {
		if _, err := db.Exec(text); err != nil {
			return err
		}
	}
	result, err := db.Exec("INSERT INTO visit (who, at, n) VALUES ($1, $2, $3), ('b', now(), 2)", "a", time.Unix(0, 0), 1)
	if err != nil {
		return err
	}
	affected, _ := result.RowsAffected()
	_, err = result.LastInsertId()
	say(affected, err)
	var id int64
	must(db.QueryRow("INSERT INTO visit (who) VALUES ($1) RETURNING id", "c").Scan(&id))
	say(id)
	for _, one := range []struct {
		text   string
		values []interface{}
	}{
		{"INSERT INTO visit (who) VALUES ('a')", nil}, {"INSERT INTO visit (who) VALUES ($1)", []interface{}{nil}}, {"INSERT INTO visit (who, n) VALUES ('z', $1)", []interface{}{-1}},
		{"SELECT * FROM nowhere", nil}, {"SELECT nothing FROM visit", nil}, {"SELECT $1", []interface{}{1}}, {"SELECT $1::int", nil}, {"SELECT 1", []interface{}{1}},
		{"SELECT $1::int + $2", []interface{}{1, "x"}}, {"SELECT 1; SELECT $1::int", []interface{}{1}}, {"SELECT 1/0", nil}, {"", nil}, {"SELECT '\\xzz'::bytea", nil},
	} {
		_, err := db.Exec(one.text, one.values...)
		say(one.text, err)
	}
	statement, err := db.Prepare("SELECT who FROM visit WHERE id = ANY($1) ORDER BY id")
	if err != nil {
		return err
	}
	defer statement.Close()
	for i := 0; i < 3; i++ {
		must(rows(statement.Query(pq.Array([]int64{1, 2}))))
	}
	say("several statements")
	return rows(db.Query("SELECT 1 AS a; UPDATE visit SET note = 'x'; SELECT 2 AS b, 'x' AS c; SELECT 1/0"))
}

func transactions(db *sql.DB) error {
	for _, options := range []*sql.TxOptions{{Isolation: sql.LevelReadCommitted}, {Isolation: sql.LevelRepeatableRead, ReadOnly: true}, {Isolation: sql.LevelSerializable}, {Isolation: sql.LevelSnapshot}} {
		tx, err := db.BeginTx(context.Background(), options)
		if err != nil {
			say(err)
			continue
		}
		var level, readOnly string
		must(tx.QueryRow("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')").Scan(&level, &readOnly))
		say(level, readOnly)
		_, err = tx.Exec("UPDATE visit SET n = 9 WHERE who = 'a'")
		say(err)
		_, err = tx.Exec("SELECT 1")
		say(err, tx.Commit())
	}
	ctx, cancel := context.WithCancel(context.Background())
	tx, err := db.BeginTx(ctx, nil)
	must(err)
	_, err = tx.Exec("INSERT INTO visit (who) VALUES ('rolled back')")
	must(err)
	cancel()
	for tx.Commit() == nil {
	}
	var count int
	must(db.QueryRow("SELECT count(*) FROM visit WHERE who = 'rolled back'").Scan(&count))
	say(count)
	return nil
}

func copying(db *sql.DB) error {
	tx, err := db.Begin()
	must(err)
	defer tx.Rollback()
	statement, err := tx.Prepare(pq.CopyIn("visit", "who", "at", "note", "n"))
	if err != nil {
		return err
	}
	for i := 0; i < 20000; i++ {
		if _, err := statement.Exec(fmt.Sprintf("copied %d\t\\", i), time.Unix(int64(i), 0), nil, i+1); err != nil {
			return err
		}
	}
	result, err := statement.Exec()
	if err != nil {
		return err
	}
	affected, _ := result.RowsAffected()
	must(statement.Close())
	say(affected)
	must(rows(tx.Query("SELECT count(*), min(who), sum(n), max(at) FROM visit WHERE who LIKE 'copied%'")))
	statement, err = tx.Prepare(pq.CopyInSchema("public", "visit", "who", "n"))
	must(err)
	_, err = statement.Exec("fails", -5)
	must(err)
	_, err = statement.Exec()
	say(err)
	say(statement.Close())
	_, err = tx.Prepare(pq.CopyIn("nowhere", "a"))
	say(err)
	return nil
}

func listening() error {
	events := make(chan pq.ListenerEventType, 10)
	listener := pq.NewListener("sslmode=disable application_name=listener", 10*time.Millisecond, time.Second, func(event pq.ListenerEventType, err error) { events <- event })
	defer listener.Close()
	must(listener.Listen("visits"))
	must(listener.Listen("Other Visits"))
	say(listener.Listen("visits"))
	say(<-events == pq.ListenerEventConnected, listener.Ping())
	db := open("")
	defer db.Close()
	_, err := db.Exec("SELECT pg_notify('visits', 'one'), pg_notify('Other Visits', '')")
	must(err)
	_, err = db.Exec("NOTIFY visits, 'two'")
	must(err)
	for i := 0; i < 3; i++ {
		heard := <-listener.Notify
		say(heard.Channel, heard.Extra)
	}
	_, err = db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listener'")
	must(err)
	say(<-listener.Notify == nil, <-events == pq.ListenerEventDisconnected, <-events == pq.ListenerEventReconnected)
	_, err = db.Exec("NOTIFY visits, 'after'")
	must(err)
	say((<-listener.Notify).Extra)
	return listener.UnlistenAll()
}

func contexts(db *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(ctx, "SELECT pg_sleep(60)")
	say(err)
	// The one whose statement was cancelled may still be among those that db keeps.
	fresh := open("")
	defer fresh.Close()
	connection, err := fresh.Conn(context.Background())
	must(err)
	defer connection.Close()
	_, err = connection.ExecContext(context.Background(), "SET statement_timeout = 20")
	must(err)
	_, err = connection.ExecContext(context.Background(), "SELECT pg_sleep($1)", 60)
	say(err)
	var group sync.WaitGroup
	var mutex sync.Mutex
	sum := 0
	for i := 0; i < 20; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			var one int
			if err := db.QueryRow("SELECT $1::int * 2", i).Scan(&one); err != nil {
				say(err)
			}
			mutex.Lock()
			sum += one
			mutex.Unlock()
		}(i)
	}
	group.Wait()
	say(sum)
	return nil
}

func notices() error {
	connector, err := pq.NewConnector("sslmode=disable application_name=go")
	must(err)
	db := sql.OpenDB(pq.ConnectorWithNoticeHandler(connector, func(notice *pq.Error) { say("notice", notice) }))
	defer db.Close()
	_, err = db.Exec("DROP TABLE IF EXISTS nothing")
	must(err)
	_, err = db.Exec("COMMIT")
	say(err)
	var _ driver.Connector = connector
	return rows(db.Query("SHOW application_name"))
}

func main() {
	os.Setenv("PGTZ", "UTC")
	db := open("")
	check("types", func() error { return types(db) })
	check("types with binary parameters", func() error { binary := open("binary_parameters=yes"); defer binary.Close(); return types(binary) })
	check("writes", func() error { return writes(db) })
	check("transactions", func() error { return transactions(db) })
	check("COPY", func() error { return copying(db) })
	check("LISTEN", listening)
	check("contexts", func() error { return contexts(db) })
	check("notices", notices)
	for _, more := range []string{"password=wrong", "user='nobody there'", "dbname=nowhere", "connect_timeout=5 search_path=pg_catalog datestyle='SQL, DMY'", "options='-c statement_timeout=77'", "no_such_setting=1"} {
		check("connecting with "+more, func() error {
			other := open(more)
			defer other.Close()
			return rows(other.Query("SELECT current_setting('search_path'), current_setting('statement_timeout'), current_setting('DateStyle')"))
		})
	}
	check("TLS", func() error {
		other, err := sql.Open("postgres", "sslmode=require")
		must(err)
		defer other.Close()
		return rows(other.Query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
	})
	check("the end", func() error { _, err := db.Exec("DROP TABLE visit"); return err })
}
