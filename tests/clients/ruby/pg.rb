# An application on Ruby's pg: types with maps, prepared statements, COPY, single rows, pipelines, notifications, errors.

require 'pg'

def say(*values)
  puts '  ' + values.map { |value| value.is_a?(String) ? value : value.inspect }.join(' ')
end

def check(title)
  puts title
  yield
rescue PG::Error => error
  result = error.respond_to?(:result) ? error.result : nil
  fields = [PG::PG_DIAG_SQLSTATE, PG::PG_DIAG_MESSAGE_DETAIL, PG::PG_DIAG_MESSAGE_HINT, PG::PG_DIAG_STATEMENT_POSITION, PG::PG_DIAG_CONTEXT, PG::PG_DIAG_SCHEMA_NAME,
            PG::PG_DIAG_TABLE_NAME, PG::PG_DIAG_COLUMN_NAME, PG::PG_DIAG_CONSTRAINT_NAME].map { |field| result&.error_field(field) }
  say "error: #{error.class} #{error.message.gsub("\n", '|').gsub(/port \d+/, 'port')}", fields.inspect
end

db = PG.connect(sslmode: 'disable', application_name: 'ruby')
db.set_notice_processor { |message| say "notice: #{message.strip}" }
db.type_map_for_results = PG::BasicTypeMapForResults.new(db)
db.type_map_for_queries = PG::BasicTypeMapForQueries.new(db)

check 'types' do
  result = db.exec("SELECT 1::int2 AS a, 2::int8 AS b, 1.5::float8 AS c, 1.10::numeric AS d, true AS e, 'x' AS f, '\\x00ff'::bytea AS g, '2024-02-29'::date AS h,
    '2024-02-29 01:02:03.5+00'::timestamptz AS i, '{1,NULL}'::int[] AS j, '{\"a\":1}'::jsonb AS k, NULL AS l, '10.0.0.1'::inet AS m, '2024-02-29 01:02:03'::timestamp AS n")
  result.fields.each_with_index { |name, i| say name, result.ftype(i), result.fmod(i), result.fsize(i), result.fformat(i), result.getvalue(0, i).inspect }
  say db.exec_params('SELECT $1 + 1 AS a, $2 AS b, $3 AS c, $4::text[] AS d', [5, 1.5, true, ['x', nil]]).to_a
  say db.exec_params('SELECT $1::int4 AS a, $2::bytea AS b', [{ value: [7].pack('N'), format: 1 }, { value: "\0\xff".b, format: 1 }], 1, PG::TypeMapAllStrings.new).values.inspect
end

check 'tables' do
  db.exec('DROP TABLE IF EXISTS rack; CREATE TABLE rack (id serial PRIMARY KEY, name text NOT NULL UNIQUE, price numeric(8,2) CHECK (price > 0), at timestamptz)')
  say db.exec_params('INSERT INTO rack (name, price) VALUES ($1, $2), ($3, NULL) RETURNING id, name', ['a', '1.50', 'b']).to_a, db.exec('SELECT 1').cmd_tuples
  db.prepare('one', 'SELECT name FROM rack WHERE id = $1')
  3.times { |i| say db.exec_prepared('one', [i]).values }
  described = db.describe_prepared('one')
  say described.nparams, described.paramtype(0), described.ftype(0)
end

['SELECT * FROM nowhere', "INSERT INTO rack (name) VALUES ('a')", 'INSERT INTO rack (name) VALUES (NULL)', "INSERT INTO rack (name, price) VALUES ('z', -1)", 'SELECT 1/0', "SELECT 'x'::int"].each do |text|
  check("  #{text}") { db.exec(text) }
end
check('  prepared again') { db.prepare('one', 'SELECT 1') }
check('  a wrong number of values') { db.exec_prepared('one', []) }

check 'transactions' do
  db.transaction do |inner|
    inner.exec("INSERT INTO rack (name) VALUES ('kept')")
    say inner.transaction_status
  end
  begin
    db.transaction { |inner| inner.exec("INSERT INTO rack (name) VALUES ('gone')"); raise 'rolled back' }
  rescue RuntimeError => error
    say error.message
  end
  say db.exec('SELECT name FROM rack ORDER BY id').column_values(0)
end

check 'COPY' do
  coder = PG::TextEncoder::CopyRow.new
  db.copy_data('COPY rack (id, name) FROM STDIN', coder) { 5.times { |i| db.put_copy_data([100 + i, "row\t#{i}"]) } }
  rows = []
  db.copy_data('COPY (SELECT id, name FROM rack WHERE id >= 100 ORDER BY id) TO STDOUT', PG::TextDecoder::CopyRow.new) { while (row = db.get_copy_data); rows << row; end }
  say rows
  check('  that fails') { db.copy_data('COPY rack (id, name) FROM STDIN') { db.put_copy_data("x\ty\n") } }
  check('  given up') { db.copy_data('COPY rack (id, name) FROM STDIN') { raise PG::Error, 'had enough' } }
  say db.exec('SELECT count(*) FROM rack').getvalue(0, 0)
end

check 'row by row' do
  db.send_query('SELECT i FROM generate_series(1, 1000) i; SELECT 1/(2 - i) FROM generate_series(1, 3) i')
  db.set_single_row_mode
  count = 0
  loop do
    result = db.get_result or break
    result.check
    result.stream_each { count += 1 }
  rescue PG::Error => error
    say error.message.strip
  end
  say count
end

if db.respond_to?(:enter_pipeline_mode)
  check 'a pipeline' do
    db.enter_pipeline_mode
    [1, 2, 0, 4].each { |i| db.send_query_params('SELECT 8 / $1::int', [i]) }
    db.pipeline_sync
    db.send_query_params('SELECT $1::int', [5])
    db.pipeline_sync
    states = []
    while states.count(PG::PGRES_PIPELINE_SYNC) < 2
      result = db.get_result
      states << result.result_status if result
    end
    say states
    db.exit_pipeline_mode
  end
end

check 'notifications' do
  db.exec('LISTEN racks')
  other = PG.connect
  other.exec_params('SELECT pg_notify($1, $2)', ['racks', 'one'])
  db.wait_for_notify(10) { |channel, pid, payload| say channel, pid == other.backend_pid, payload }
  say other.exec('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()').getvalue(0, 0), other.ssl_in_use?
  other.close
end

check 'cancelled' do
  db.send_query('SELECT pg_sleep(60)')
  sleep 0.1
  say db.cancel
  db.get_last_result
end
check('a timeout') { db.exec('SET statement_timeout = 20; SELECT pg_sleep(60)') }
check('an encoding') { say db.internal_encoding, db.parameter_status('client_encoding'), db.exec("SELECT 'ü'").getvalue(0, 0) }
check('a wrong password') { PG.connect(password: 'wrong', sslmode: 'disable') }
db.exec('RESET statement_timeout; DROP TABLE rack')
