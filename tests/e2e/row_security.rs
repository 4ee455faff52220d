//! Row level security beyond single scripts: plans that are kept, other ways to rows, and random statements by random roles,
//! which neither see nor change a row that the policies hide.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::{Answer, Outcome, Server};
use tokio_postgres::{AsyncMessage, Client};

use crate::database::{connect, run};

async fn with_notes() -> (Server, Client) {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    for sql in [
        "CREATE ROLE ann; CREATE ROLE ben; CREATE ROLE cat BYPASSRLS; CREATE ROLE maker",
        "GRANT CREATE ON SCHEMA public TO maker, ann",
        "SET ROLE maker",
        "CREATE TABLE notes (id int PRIMARY KEY, who text, body text) WITH (deleted_retention_hours = 24)",
        "INSERT INTO notes SELECT n, CASE n % 2 WHEN 0 THEN 'ann' ELSE 'ben' END, 'body ' || n FROM generate_series(1, 10) n",
        "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON notes USING (who = current_user)",
        "GRANT ALL ON notes TO ann, ben, cat",
        "RESET ROLE",
    ] {
        let answer = Answer::of(&admin, sql).await.to_string();
        assert!(!answer.contains("ERROR"), "{sql}: {answer}");
    }
    (server, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_plan_follows_roles_settings_and_policies() {
    let (server, admin) = with_notes().await;
    let client = connect(&server, "postgres").await;
    let count = client.prepare("SELECT count(*) FROM notes").await.expect("it is prepared");
    let by_key = client.prepare("SELECT body FROM notes WHERE id = $1").await.expect("it is prepared");
    let change = client.prepare("UPDATE notes SET body = body WHERE id = $1").await.expect("it is prepared");
    let counted = async || client.query_one(&count, &[]).await.expect("rows are counted").get::<_, i64>(0);
    let found = async |id: i32| client.query_opt(&by_key, &[&id]).await.expect("a row is looked up").is_some();
    let changed = async |id: i32| client.execute(&change, &[&id]).await.expect("a row is changed");
    for (role, rows, odd, even) in [
        ("ann", 5, false, true),
        ("ben", 5, true, false),
        ("cat", 10, true, true),
        ("postgres", 10, true, true),
        ("ann", 5, false, true),
    ] {
        assert_eq!(run(&client, &format!("SET ROLE {role}")).await, "ok");
        // Twice: made, and kept.
        for _ in 0..2 {
            assert_eq!(counted().await, rows, "{role}");
            assert_eq!((found(1).await, found(2).await), (odd, even), "{role}");
            assert_eq!((changed(1).await, changed(2).await), (u64::from(odd), u64::from(even)), "{role}");
            assert_eq!(
                run(&client, "SELECT id FROM notes WHERE id = 1").await,
                if odd { r#"[[Some("1")]]"# } else { "[]" }
            );
        }
    }
    // Another session changes what is in force.
    for (sql, rows, odd) in [
        ("CREATE POLICY first ON notes FOR SELECT TO ann USING (id = 1)", 6, true),
        ("DROP POLICY own ON notes", 1, true),
        ("ALTER POLICY first ON notes USING (id > 8)", 2, false),
        ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", 10, true),
        ("ALTER TABLE notes ENABLE ROW LEVEL SECURITY", 2, false),
        ("ALTER ROLE ann BYPASSRLS", 10, true),
        ("ALTER ROLE ann NOBYPASSRLS", 2, false),
        ("GRANT maker TO ann", 10, true),
        ("ALTER TABLE notes FORCE ROW LEVEL SECURITY", 2, false),
        ("REVOKE maker FROM ann", 2, false),
        ("ALTER TABLE notes OWNER TO ann", 2, false),
        ("ALTER TABLE notes NO FORCE ROW LEVEL SECURITY", 10, true),
        ("ALTER TABLE notes OWNER TO maker; GRANT ALL ON notes TO ann", 2, false),
    ] {
        assert!(run(&admin, sql).await.starts_with("ok"), "{sql}");
        assert_eq!(counted().await, rows, "{sql}");
        assert_eq!(found(1).await, odd, "{sql}");
    }
    assert_eq!(run(&client, "SET row_security = off").await, "ok");
    for failed in [client.query(&count, &[]).await.err(), client.query(&by_key, &[&1]).await.err()] {
        let code = failed.and_then(|error| error.code().cloned()).expect("it is refused");
        assert_eq!(code.code(), "42501");
    }
    assert_eq!(run(&client, "RESET row_security").await, "ok");
    assert_eq!(counted().await, 2);
    assert_eq!(run(&client, "BEGIN; SET LOCAL ROLE cat; SELECT count(*) FROM notes").await, r#"ok ok [[Some("10")]]"#);
    assert_eq!(run(&client, "ROLLBACK; SELECT count(*) FROM notes").await, r#"ok [[Some("2")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_way_leads_to_hidden_rows() {
    let (server, admin) = with_notes().await;
    assert_eq!(run(&admin, "DELETE FROM notes WHERE id IN (9, 10)").await, "ok");
    let mut outside = connect(&server, "postgres").await;
    for flushed in [false, true] {
        assert_eq!(run(&outside, "SET ROLE ann").await, "ok");
        for (sql, expected) in [
            ("SELECT count(*) FROM notes WHERE _deleted", r#"[[Some("1")]]"#),
            (
                "SELECT id FROM notes WHERE _deleted OR NOT _deleted ORDER BY id",
                r#"[[Some("2")], [Some("4")], [Some("6")], [Some("8")], [Some("10")]]"#,
            ),
            ("SELECT count(*) FROM notes WHERE _seq > 0", r#"[[Some("4")]]"#),
            ("SELECT count(*) FROM notes TABLESAMPLE BERNOULLI (100)", r#"[[Some("4")]]"#),
            (
                "SELECT count(*) FROM notes TABLESAMPLE SYSTEM (100) REPEATABLE (1) WHERE 1 / (id % 2 - 1) < 0",
                r#"[[Some("4")]]"#,
            ),
            ("LISTEN n FOR SELECT id FROM notes", "0A000"),
            ("LISTEN n FOR SELECT count(*) FROM notes", "0A000"),
            ("COPY notes FROM STDIN", "0A000"),
            ("SELECT row_security_active('notes')", r#"[[Some("t")]]"#),
            ("EXPLAIN ANALYZE SELECT * FROM notes", "rows"),
            (
                "BEGIN; DECLARE c CURSOR FOR SELECT id FROM notes WHERE id < 5 FOR UPDATE; FETCH c",
                r#"ok ok [[Some("2")]]"#,
            ),
            ("UPDATE notes SET body = 'x' WHERE CURRENT OF c", "0A000"),
            ("ROLLBACK", "ok"),
            (
                "CREATE TEMP TABLE mine AS TABLE notes; SELECT count(*) FROM mine; DROP TABLE mine",
                r#"ok [[Some("4")]] ok"#,
            ),
        ] {
            let found = run(&outside, sql).await;
            match expected {
                "rows" => assert!(found.starts_with("[["), "{sql}: {found}"),
                expected => assert_eq!(found, expected, "{sql}, flushed: {flushed}"),
            }
        }
        assert!(!run(&admin, "STORAGE FLUSH TABLE notes").await.starts_with("XX"));
        outside = connect(&server, "postgres").await;
    }
    let acted = run(&admin, "EXECUTE AS USER 'ann' (SELECT count(*) FROM notes)").await;
    assert_eq!(acted, r#"[[Some("4")]]"#);
    // Whose kind looks after what others own does not get closer, either.
    assert_eq!(run(&admin, "CREATE ROLE keeper ROLE dba; GRANT SELECT ON notes TO keeper").await, "ok ok");
    assert_eq!(run(&outside, "SET ROLE keeper").await, "ok");
    for (sql, expected) in [
        ("SELECT count(*) FROM notes", r#"[[Some("0")]]"#),
        ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "42501"),
        ("ALTER TABLE notes ALTER COLUMN id TYPE bigint USING 1 / (id - 3)", "42501"),
        ("CREATE POLICY mine ON notes USING (true)", "42501"),
        ("DROP POLICY own ON notes", "42501"),
    ] {
        assert_eq!(run(&outside, sql).await, expected, "{sql}");
    }
}

/// A connection that keeps what it was notified of.
async fn watching(server: &Server) -> (Client, Arc<Mutex<Vec<String>>>) {
    let (client, mut connection) = server.config().connect(tokio_postgres::NoTls).await.expect("the server answers");
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = told.clone();
    tokio::spawn(async move {
        let mut messages = futures::stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notification(notification) = message {
                kept.lock().expect("nobody panics with it").push(notification.payload().to_owned());
            }
        }
    });
    (client, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_query_ends_where_policies_begin() {
    let (server, admin) = with_notes().await;
    let (client, told) = watching(&server).await;
    let (disable, enable) =
        ("ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "ALTER TABLE notes ENABLE ROW LEVEL SECURITY");
    let per_change = "LISTEN n FOR SELECT id FROM notes";
    for (before, listen, begins, id) in [
        (disable, per_change, enable, 101),
        (disable, "LISTEN n FOR SELECT id, (SELECT count(*) FROM notes) FROM notes", enable, 102),
        ("ALTER ROLE ann BYPASSRLS", per_change, "ALTER ROLE ann NOBYPASSRLS", 103),
        ("GRANT maker TO ann", per_change, "ALTER TABLE notes FORCE ROW LEVEL SECURITY", 104),
    ] {
        assert_eq!(run(&admin, before).await, "ok");
        assert_eq!(run(&client, "SET ROLE ann").await, "ok");
        assert!(run(&client, listen).await.starts_with("[["), "{listen}");
        assert_eq!(run(&admin, begins).await, "ok");
        assert_eq!(run(&admin, &format!("INSERT INTO notes VALUES ({id}, 'ben', 'hidden')")).await, "ok");
        assert_eq!(run(&client, per_change).await, "0A000");
        let is_told = || told.lock().expect("nobody panics with it").iter().any(|event| event.contains("resync"));
        for _ in 0..1000 {
            if is_told() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let told = std::mem::take(&mut *told.lock().expect("nobody panics with it"));
        assert!(told.iter().any(|event| event.contains("resync")), "{begins}: {told:?}");
        assert!(!told.iter().any(|event| event.contains(&id.to_string())), "{begins}: {told:?}");
    }
}

const SEEDS: u64 = 3;
const STATEMENTS: usize = 150;
const ROLES: [&str; 3] = ["r0", "r1", "r2"];

/// A row of the table that the random statements are about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    owner: String,
    level: i64,
    n: i64,
    word: String,
}

impl Row {
    fn is_seen_by(&self, role: &str) -> bool {
        (self.owner == role || self.level == 0) && self.n != 13
    }

    fn may_change(&self, role: &str) -> bool {
        self.owner == role && self.n != 13
    }

    fn may_become(&self, role: &str) -> bool {
        self.owner == role && self.level < 5 && self.n != 13
    }

    fn may_go(&self, role: &str) -> bool {
        self.owner == role && self.level < 3 && self.n != 13
    }

    fn may_be_added(&self, role: &str) -> bool {
        self.owner == role && self.n != 13
    }
}

/// `SEED=n` plays one seed again.
#[tokio::test(flavor = "multi_thread")]
async fn random_statements_neither_see_nor_change_hidden_rows() {
    let server = Server::start();
    let only = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = only.map_or_else(|| (0..SEEDS).collect(), |seed| vec![seed]);
    for (at, seed) in seeds.into_iter().enumerate() {
        println!("SEED={seed}");
        play(&server, seed, at).await;
    }
}

async fn play(server: &Server, seed: u64, at: usize) {
    let (admin, client) = (connect(server, "postgres").await, connect(server, "postgres").await);
    let mut random = StdRng::seed_from_u64(seed);
    if at == 0 {
        assert_eq!(run(&admin, "CREATE ROLE r0; CREATE ROLE r1; CREATE ROLE r2").await, "ok ok ok");
    }
    let schema = format!("seed_{seed}");
    for client in [&admin, &client] {
        run(client, &format!("CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path = {schema}")).await;
    }
    for sql in [
        format!("GRANT USAGE ON SCHEMA {schema} TO r0, r1, r2"),
        "CREATE TABLE doc (id int PRIMARY KEY, owner text, level int, n int, word text UNIQUE)".to_owned(),
        "CREATE INDEX ON doc (owner); CREATE INDEX ON doc (n)".to_owned(),
        "INSERT INTO doc SELECT i, 'r' || i % 3, i % 7, i % 17, 'word-' || i FROM generate_series(1, 60) i".to_owned(),
        "CREATE POLICY s ON doc FOR SELECT USING (owner = current_user OR level = 0)".to_owned(),
        "CREATE POLICY i ON doc FOR INSERT WITH CHECK (owner = current_user)".to_owned(),
        "CREATE POLICY u ON doc FOR UPDATE USING (owner = current_user) WITH CHECK (owner = current_user AND level < 5)"
            .to_owned(),
        "CREATE POLICY d ON doc FOR DELETE USING (owner = current_user AND level < 3)".to_owned(),
        "CREATE POLICY odd ON doc AS RESTRICTIVE USING (n <> 13)".to_owned(),
        "ALTER TABLE doc ENABLE ROW LEVEL SECURITY; GRANT ALL ON doc TO r0, r1, r2".to_owned(),
    ] {
        let answer = Answer::of(&admin, &sql).await.to_string();
        assert!(!answer.contains("ERROR"), "{sql}: {answer}");
    }
    for number in 0..STATEMENTS {
        let role = ROLES[random.random_range(0..ROLES.len())];
        if random.random_bool(0.1) {
            assert!(!run(&admin, "STORAGE FLUSH TABLE doc").await.starts_with("XX"));
        }
        let point_plans = if random.random_bool(0.5) { "on" } else { "off" };
        run(&client, &format!("SET kalamdb.point_plans = {point_plans}; SET ROLE {role}")).await;
        let before = rows_of(&admin).await;
        let sql = statement(&mut random, role, number);
        let answer = Answer::of(&client, &sql).await;
        let after = rows_of(&admin).await;
        if matches!(answer.results.as_slice(), [Outcome::Error { code, .. }] if code == "23505") {
            // It changed nothing, and fails again.
            let error = client.simple_query(&sql).await.expect_err("the key is still taken");
            let detail = error.as_db_error().and_then(|error| error.detail());
            assert_eq!(detail, None, "SEED={seed}, statement {number}, as {role}: {sql}");
        }
        let about = format!("SEED={seed}, statement {number}, as {role}, point plans {point_plans}: {sql}\n{answer}");
        check(role, &sql, &answer, (&before, &after), &about);
    }
    run(&client, "RESET ROLE").await;
}

async fn rows_of(admin: &Client) -> BTreeMap<i64, Row> {
    let answer = Answer::of(admin, "SELECT id, owner, level, n, word FROM doc").await;
    let [Outcome::Rows(relation)] = answer.results.as_slice() else { panic!("{answer}") };
    let row = |cells: &Vec<Option<String>>| {
        let cell = |at: usize| cells[at].clone().unwrap_or_default();
        let number = |at: usize| cell(at).parse::<i64>().expect("a number");
        (number(0), Row { owner: cell(1), level: number(2), n: number(3), word: cell(4) })
    };
    relation.rows.iter().map(row).collect()
}

/// A condition that may fail on some rows.
fn condition(random: &mut StdRng) -> String {
    let (id, small) = (random.random_range(1..70), random.random_range(0..18));
    match random.random_range(0..12) {
        0 => format!("id = {id}"),
        1 => format!("id < {id}"),
        2 => format!("word = 'word-{id}'"),
        3 => format!("1 / (n - {small}) >= 0"),
        4 => format!("id = {id} AND 1 / (n - {small}) >= 0"),
        5 => format!("1 / (n - {small}) >= 0 AND id > {id}"),
        6 => format!("owner = 'r{}'", random.random_range(0..3)),
        7 => format!("n IN ({small}, {})", small + 1),
        8 => format!("EXISTS (SELECT 1 FROM doc x WHERE x.id = doc.n AND 1 / (x.n - {small}) >= 0)"),
        9 => format!("n = {small} AND 10 / (level - 3) <> 0"),
        10 => format!("id = ANY (ARRAY[{id}, {}])", id + 3),
        _ => "true".to_owned(),
    }
}

fn statement(random: &mut StdRng, role: &str, number: usize) -> String {
    let condition = condition(random);
    let (id, level, n) = (random.random_range(1..70), random.random_range(0..7), random.random_range(0..18));
    let owner = if random.random_bool(0.7) { role } else { ROLES[random.random_range(0..3)] };
    let returning = if random.random_bool(0.5) { " RETURNING id, owner, level, n, word" } else { "" };
    let columns = "id, owner, level, n, word";
    match random.random_range(0..14) {
        0 | 1 => format!("SELECT {columns} FROM doc WHERE {condition}"),
        2 => format!("SELECT {columns} FROM doc WHERE {condition} ORDER BY n, id LIMIT 5"),
        3 => format!("SELECT {columns} FROM (SELECT * FROM doc) doc WHERE {condition} FOR UPDATE")
            .replace("(SELECT * FROM doc) doc", "doc"),
        4 => format!(
            "SELECT doc.id, doc.owner, doc.level, doc.n, doc.word FROM doc JOIN doc y ON y.id = doc.n WHERE doc.id > {id}"
        ),
        5 => format!("WITH c AS (SELECT * FROM doc) SELECT {columns} FROM c doc WHERE {condition}"),
        6 => format!("UPDATE doc SET level = {level} WHERE {condition}{returning}"),
        7 => format!("UPDATE doc SET level = {level}, owner = '{owner}' WHERE {condition}{returning}"),
        8 => format!("UPDATE doc SET n = n + 1 WHERE {condition}{returning}"),
        9 => format!("DELETE FROM doc WHERE {condition}{returning}"),
        10 => format!("INSERT INTO doc VALUES ({id}, '{owner}', {level}, {n}, 'new-{number}'){returning}"),
        11 => format!(
            "INSERT INTO doc VALUES ({id}, '{owner}', {level}, {n}, 'new-{number}') ON CONFLICT (id) DO UPDATE SET level = excluded.level, n = doc.n{returning}"
        ),
        12 => format!(
            "INSERT INTO doc VALUES ({id}, '{owner}', {level}, {n}, 'word-{n}') ON CONFLICT DO NOTHING{returning}"
        ),
        _ => format!(
            "MERGE INTO doc USING (VALUES ({id}), ({n})) v(k) ON doc.id = v.k WHEN MATCHED AND doc.n > 8 THEN DELETE WHEN MATCHED THEN UPDATE SET level = {level} WHEN NOT MATCHED THEN INSERT VALUES (v.k, '{owner}', {level}, {n}, 'merged-{number}-' || v.k)"
        ),
    }
}

/// Compares what was answered and done with what the policies allow.
fn check(
    role: &str,
    sql: &str,
    answer: &Answer,
    (before, after): (&BTreeMap<i64, Row>, &BTreeMap<i64, Row>),
    about: &str,
) {
    let visible = || before.values().filter(|row| row.is_seen_by(role));
    for result in &answer.results {
        match result {
            Outcome::Rows(relation) => {
                for cells in &relation.rows {
                    let id: i64 = cells[0].as_deref().and_then(|id| id.parse().ok()).expect("an id");
                    let word = cells[4].as_deref().unwrap_or_default();
                    let known =
                        [before, after].into_iter().filter_map(|rows| rows.get(&id)).find(|row| row.word == word);
                    let row = known.unwrap_or_else(|| panic!("a row that never was: {about}"));
                    assert!(row.is_seen_by(role), "a hidden row is shown: {about}");
                }
            }
            // A division by zero must be one on a row that may be seen.
            Outcome::Error { code, message } if code == "22012" => {
                let divisors = divisors(sql);
                let is_told =
                    visible().any(|row| divisors.contains(&row.n) || sql.contains("level - 3") && row.level == 3);
                assert!(is_told, "an error tells of a hidden row: {about}");
                assert_eq!(before, after, "{message}: {about}");
            }
            Outcome::Error { code, message } => {
                let expected = ["42501", "23505", "21000"];
                assert!(expected.contains(&code.as_str()), "{about}");
                let hidden = before.values().filter(|row| !row.is_seen_by(role));
                let told = |row: &Row| message.contains(&format!("{})", row.word)) && !sql.contains(&row.word);
                assert!(!hidden.into_iter().any(told), "an error tells a hidden value: {about}");
                assert_eq!(before, after, "{about}");
            }
            Outcome::Lost(reason) => panic!("{reason}: {about}"),
            _ => {}
        }
    }
    let merges = sql.starts_with("MERGE");
    for (id, old) in before {
        match after.get(id) {
            None => assert!(old.may_go(role) && (!merges || old.is_seen_by(role)), "{old:?} was deleted: {about}"),
            Some(new) if new != old => {
                // A deletion and an insertion of the same key do not come together in one statement.
                assert!(old.may_change(role) && new.may_become(role), "{old:?} became {new:?}: {about}");
            }
            Some(_) => {}
        }
    }
    for (id, new) in after.iter().filter(|(id, _)| !before.contains_key(id)) {
        assert!(new.may_be_added(role), "{id} {new:?} was added: {about}");
    }
    // What is not hidden is found.
    if sql == "SELECT id, owner, level, n, word FROM doc WHERE true" {
        let [Outcome::Rows(relation)] = answer.results.as_slice() else { panic!("{about}") };
        assert_eq!(relation.rows.len(), visible().count(), "{about}");
    }
}

/// The numbers that `n - number` is divided by in a statement.
fn divisors(sql: &str) -> Vec<i64> {
    let parts = sql.split("n - ").skip(1);
    parts.filter_map(|part| part.split(')').next()?.parse().ok()).collect()
}
