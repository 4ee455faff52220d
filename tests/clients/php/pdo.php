<?php
// An application on PDO and on PHP's own functions for PostgreSQL.

function say(...$values) {
    echo '  ', implode(' ', array_map(fn ($value) => is_string($value) ? $value : json_encode($value, JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE), $values)), "\n";
}

function check(string $title, callable $run): void {
    echo $title, "\n";
    try {
        $run();
    } catch (PDOException $error) {
        say('error:', $error->errorInfo ?? $error->getCode(), preg_replace('/port \d+/', 'port', str_replace("\n", '|', $error->getMessage())));
    }
}

function connected(array $options = [], string $more = ''): PDO {
    $name = sprintf('pgsql:host=%s;port=%s;dbname=%s;sslmode=prefer%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'), $more);
    return new PDO($name, getenv('PGUSER'), getenv('PGPASSWORD'), $options + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);
}

function application(PDO $db): void {
    $db->exec('DROP TABLE IF EXISTS shelf');
    say($db->exec("CREATE TABLE shelf (id serial PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, price numeric(8,2), good boolean, raw bytea, tags text[], doc jsonb, at timestamptz, n bigint)"));
    $insert = $db->prepare('INSERT INTO shelf (name, price, good, raw, doc, n) VALUES (:name, :price, :good, :raw, :doc, :n) RETURNING id');
    foreach ([['a', '1.50', true, "\0\xff'\\", '{"k": [1]}', PHP_INT_MAX], ['b', null, false, null, null, -1]] as [$name, $price, $good, $raw, $doc, $n]) {
        $insert->bindValue('name', $name);
        $insert->bindValue('price', $price);
        $insert->bindValue('good', $good, PDO::PARAM_BOOL);
        $insert->bindValue('raw', $raw, PDO::PARAM_LOB);
        $insert->bindValue('doc', $doc);
        $insert->bindValue('n', $n, PDO::PARAM_INT);
        $insert->execute();
        say($insert->fetch(), $insert->rowCount());
    }
    say($db->lastInsertId(), $db->lastInsertId('shelf_id_seq'));
    $select = $db->prepare('SELECT *, count(*) OVER () AS c FROM shelf WHERE id >= ? ORDER BY id');
    for ($i = 0; $i < 3; $i++) {
        $select->execute([1]);
        foreach ($select->fetchAll() as $row) {
            if (is_resource($row['raw'])) {
                $row['raw'] = bin2hex(stream_get_contents($row['raw']));
            }
            say($row);
        }
    }
    for ($i = 0; $i < $select->columnCount(); $i++) {
        $meta = $select->getColumnMeta($i);
        unset($meta['pgsql:table_oid']);
        say($meta);
    }
    say($db->query('SELECT id, name FROM shelf ORDER BY id')->fetchAll(PDO::FETCH_KEY_PAIR), $db->query("SELECT '?' AS q, data ?? 'k' AS has FROM (SELECT '{\"k\": 1}'::jsonb AS data) s")->fetch());
    foreach (["INSERT INTO shelf (name) VALUES ('a')", 'INSERT INTO shelf (name) VALUES (NULL)', 'SELECT nothing', 'SELEC', 'SELECT 1/0'] as $text) {
        check("  $text", fn () => say($db->exec($text)));
    }
    check('  a wrong value', fn () => say($db->prepare('SELECT ?::int')->execute(['x'])));
    $db->beginTransaction();
    $db->exec("INSERT INTO shelf (name) VALUES ('gone')");
    say($db->inTransaction());
    check('  in a transaction', fn () => $db->exec("INSERT INTO shelf (name) VALUES ('a')"));
    check('  after that', fn () => $db->query('SELECT 1'));
    $db->rollBack();
    say($db->query('SELECT count(*) AS c FROM shelf')->fetchColumn());
    $rows = array_map(fn ($i) => "$i\tname $i\t\\N", range(100, 104));
    say($db->pgsqlCopyFromArray('shelf', $rows, "\t", '\\\\N', 'id, name, price'), count($db->pgsqlCopyToArray('shelf', "\t", '\\\\N', 'id, name')));
    $cursor = $db->prepare('SELECT i FROM generate_series(1, 5) i', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
    $db->beginTransaction();
    $cursor->execute();
    say($cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_LAST), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 2));
    $db->commit();
}

check('prepared by the server', fn () => application(connected()));
check('prepared here', fn () => application(connected([PDO::ATTR_EMULATE_PREPARES => true])));
check('never prepared', fn () => application(connected([PDO::PGSQL_ATTR_DISABLE_PREPARES => true])));
check('notifications', function () {
    $db = connected();
    $db->exec('LISTEN shelves');
    connected()->exec("NOTIFY shelves, 'one'");
    $heard = $db->pgsqlGetNotify(PDO::FETCH_ASSOC, 10000);
    say($heard['message'], $heard['payload']);
    say(strpos($db->getAttribute(PDO::ATTR_SERVER_VERSION), '15') === 0, $db->getAttribute(PDO::ATTR_CONNECTION_STATUS));
});
check('a wrong name', fn () => connected(more: ';dbname=nowhere'));

check('the older functions', function () {
    $db = pg_connect('sslmode=disable');
    say(pg_parameter_status($db, 'server_encoding'), pg_client_encoding($db), pg_transaction_status($db));
    $answer = pg_query_params($db, 'SELECT $1::int + 1 AS a, $2::text AS b, NULL AS c', [5, 'x']);
    say(pg_fetch_all($answer), pg_field_type($answer, 0), pg_field_size($answer, 0), pg_field_name($answer, 1), pg_field_is_null($answer, 0, 2));
    say(pg_affected_rows(pg_query($db, 'UPDATE shelf SET n = 1')), pg_last_notice($db));
    $meta = pg_meta_data($db, 'shelf', true);
    foreach ($meta as $name => $column) {
        say($name, $column);
    }
    say(pg_insert($db, 'shelf', ['name' => 'meta', 'price' => 2.5, 'good' => true]) !== false, pg_select($db, 'shelf', ['name' => 'meta'])[0]['price']);
    say(pg_update($db, 'shelf', ['price' => 3], ['name' => 'meta']), pg_delete($db, 'shelf', ['name' => 'meta']));
    pg_prepare($db, 'named', 'SELECT $1::int');
    say(pg_fetch_result(pg_execute($db, 'named', [7]), 0, 0));
    pg_send_query($db, 'SELECT 1; SELECT 2; SELECT 1/0');
    while ($answer = pg_get_result($db)) {
        say(pg_result_status($answer), pg_result_error_field($answer, PGSQL_DIAG_SQLSTATE));
    }
    pg_copy_from($db, 'shelf (id, name)', ["500\tcopied\n"]);
    say(pg_fetch_result(pg_query($db, 'SELECT name FROM shelf WHERE id = 500'), 0, 0));
    say(pg_escape_literal($db, "it's \\"), pg_escape_bytea($db, "\0a"));
    pg_query($db, 'DROP TABLE shelf');
});
