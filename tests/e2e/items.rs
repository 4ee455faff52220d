//! Indexes of items (`USING gin`): whatever is written, rolled back and moved to files, a table that has them answers as
//! one that has none.
//!
//! `ITEM_SEEDS=n` plays that many seeds, `ITEM_SEED=n` that one again.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

const SEEDS: u64 = 4;
const STEPS: usize = 120;

/// Makes both tables, of a kind.
fn tables(kind: &str) -> String {
    let columns = "id int PRIMARY KEY, doc jsonb, tags text[], marks int[], open boolean NOT NULL DEFAULT true, \
                   said tsvector GENERATED ALWAYS AS (to_tsvector('simple', doc)) STORED";
    format!("CREATE {kind}TABLE plain ({columns}); CREATE {kind}TABLE indexed ({columns})")
}

const INDEXES: [(&str, &str); 7] = [
    ("i_doc", "CREATE INDEX i_doc ON indexed USING gin (doc)"),
    ("i_paths", "CREATE INDEX i_paths ON indexed USING gin (doc jsonb_path_ops) WHERE open"),
    ("i_arrays", "CREATE INDEX i_arrays ON indexed USING gin (tags, marks)"),
    ("i_inner", "CREATE INDEX i_inner ON indexed USING gin ((doc -> 'list'))"),
    ("i_said", "CREATE INDEX i_said ON indexed USING gin (said)"),
    ("i_told", "CREATE INDEX i_told ON indexed USING gin (to_tsvector('simple', doc -> 'list')) WHERE open"),
    ("i_open", "CREATE INDEX i_open ON indexed USING gin (tags) WHERE open"),
];

/// What statements are made of.
struct Generator {
    rng: StdRng,
    moved: usize,
}

impl Generator {
    fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn word(&mut self) -> &'static str {
        self.pick(&["a", "b", "c", "list", "ü", "", "a b", "1"])
    }

    fn scalar(&mut self) -> String {
        match self.below(6) {
            0 => "null".to_owned(),
            1 => self.pick(&["true", "false"]).to_owned(),
            2 | 3 => self.pick(&["0", "1", "1.0", "1.00", "-2", "1e2"]).to_owned(),
            4 => format!("\"{}\"", "long ".repeat(30 + self.below(2))),
            _ => format!("\"{}\"", self.word()),
        }
    }

    fn document(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 3 } else { 8 }) {
            0..=2 => self.scalar(),
            3 | 4 => {
                let count = self.below(4);
                let elements: Vec<String> = (0..count).map(|_| self.document(depth - 1)).collect();
                format!("[{}]", elements.join(", "))
            }
            _ => {
                let count = self.below(4);
                let member = |_| format!("\"{}\": {}", self.word(), self.document(depth - 1));
                let members: Vec<String> = (0..count).map(member).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    fn array(&mut self, words: &[&str], count: usize) -> String {
        let count = self.below(count);
        let elements: Vec<&str> = (0..count).map(|_| self.pick(words)).collect();
        format!("'{{{}}}'", elements.join(","))
    }

    fn tags(&mut self) -> String {
        self.array(&["a", "b", "c", "\"a b\"", "NULL", "\"\"", "d"], 5)
    }

    fn marks(&mut self) -> String {
        self.array(&["1", "2", "3", "-1", "NULL"], 4)
    }

    fn or_null(&mut self, value: String) -> String {
        if self.below(10) == 0 { "NULL".to_owned() } else { value }
    }

    fn values(&mut self) -> [String; 4] {
        let (document, tags, marks) = (self.document(3), self.tags(), self.marks());
        let document = self.or_null(format!("'{document}'"));
        let (tags, marks) = (self.or_null(tags), self.or_null(marks));
        [document, tags, marks, self.pick(&["true", "false"]).to_owned()]
    }

    fn query(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 2 } else { 6 }) {
            0 | 1 => self.pick(&["a", "b", "c", "ü", "1", "long", "lo:*", "b:D", "a:A", "none"]).to_owned(),
            2 => format!("!({})", self.query(depth - 1)),
            3 => format!("({}) | ({})", self.query(depth - 1), self.query(depth - 1)),
            4 => format!("({}) & ({})", self.query(depth - 1), self.query(depth - 1)),
            _ => format!("({}) <-> ({})", self.query(depth - 1), self.query(depth - 1)),
        }
    }

    fn simple(&mut self) -> String {
        let place = self.pick(&["doc", "doc", "(doc -> 'list')"]);
        match self.below(14) {
            11 => format!("said @@ '{}'", self.query(3)),
            12 => format!("to_tsquery('simple', '{}') @@ said", self.query(2)),
            13 => format!("to_tsvector('simple', doc -> 'list') @@ '{}'", self.query(2)),
            0..=2 => format!("{place} @> '{}'", self.document(2)),
            3 => format!("'{}' <@ {place}", self.document(1)),
            4 => format!("{place} ? '{}'", self.word()),
            5 => format!("{place} ?{} {}", self.pick(&["|", "&"]), self.tags()),
            6 => format!("tags @> {}", self.tags()),
            7 => format!("{} <@ tags", self.tags()),
            8 => format!("tags {} {}", self.pick(&["&&", "="]), self.tags()),
            9 => format!("marks {} {}", self.pick(&["&&", "@>", "=", "<@"]), self.marks()),
            _ => self.pick(&["open", "NOT open", "id > 20", "id = 7", "id BETWEEN 3 AND 30"]).to_owned(),
        }
    }

    fn condition(&mut self) -> String {
        let first = self.simple();
        match self.below(6) {
            0 | 1 => first,
            2 => format!("{first} AND {}", self.simple()),
            3 => format!("{first} AND open"),
            4 => format!("({first} OR {})", self.simple()),
            _ => format!("{first} AND ({} OR {})", self.simple(), self.simple()),
        }
    }

    /// A change, for a table that is still to be named.
    fn change(&mut self) -> String {
        let id = self.below(60);
        let [document, tags, marks, open] = self.values();
        self.moved += 1000;
        match self.below(10) {
            0..=3 => format!(
                "INSERT INTO TABLE_NAME VALUES ({id}, {document}, {tags}, {marks}, {open}) ON CONFLICT (id) DO UPDATE \
                 SET doc = excluded.doc, tags = excluded.tags"
            ),
            4 => format!("UPDATE TABLE_NAME SET doc = {document} WHERE id % 7 = {}", id % 7),
            5 => format!(
                "UPDATE TABLE_NAME SET tags = array_append(tags, 'c'), open = {open} WHERE {}",
                self.condition()
            ),
            6 => format!("UPDATE TABLE_NAME SET id = id + {}, marks = {marks} WHERE id = {id}", self.moved),
            7 => format!("DELETE FROM TABLE_NAME WHERE id = {id} OR id > 100"),
            8 => format!("DELETE FROM TABLE_NAME WHERE id % 5 = 0 AND {}", self.condition()),
            _ => format!("UPDATE TABLE_NAME SET open = NOT open WHERE id % 3 = {}", id % 3),
        }
    }
}

/// Runs a statement on both tables, which must answer the same.
async fn both(client: &Client, seed: u64, sql: &str) {
    let plain = run(client, &sql.replace("TABLE_NAME", "plain")).await;
    let indexed = run(client, &sql.replace("TABLE_NAME", "indexed")).await;
    assert_eq!(indexed, plain, "ITEM_SEED={seed}: {sql}");
    assert!(plain.starts_with('[') || plain.starts_with("ok"), "ITEM_SEED={seed}: {sql}: {plain}");
}

async fn compare(client: &Client, seed: u64, generator: &mut Generator) {
    for _ in 0..4 {
        let condition = generator.condition();
        both(client, seed, &format!("SELECT id FROM TABLE_NAME WHERE {condition} ORDER BY id")).await;
    }
    let condition = generator.condition();
    let joined = "SELECT l.id, r.id FROM TABLE_NAME l JOIN TABLE_NAME r ON r.id = l.id + 1 WHERE";
    both(client, seed, &format!("{joined} l.{} ORDER BY 1", condition_of(&condition))).await;
}

/// A condition that a column's qualifier can stand before.
fn condition_of(condition: &str) -> String {
    let words = ["doc", "tags", "marks"];
    match words.iter().any(|word| condition.starts_with(word)) && !condition.contains(['A', 'O']) {
        true => condition.to_owned(),
        false => "tags @> '{a}'".to_owned(),
    }
}

async fn play(seed: u64, kind: &str) {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, &tables(kind)).await, "ok ok");
    let mut generator = Generator { rng: StdRng::seed_from_u64(seed), moved: 0 };
    // Some rows are there before the indexes are.
    for id in 0..30 {
        let [document, tags, marks, open] = generator.values();
        let values = format!("({id}, {document}, {tags}, {marks}, {open})");
        both(&client, seed, &format!("INSERT INTO TABLE_NAME VALUES {values}")).await;
    }
    for (_, index) in INDEXES {
        assert_eq!(run(&client, index).await, "ok", "{index}");
    }
    let mut open = false;
    for _ in 0..STEPS {
        match generator.below(12) {
            0 if !open => {
                assert_eq!(run(&client, "BEGIN").await, "ok");
                open = true;
            }
            0 | 1 if open => {
                let end = generator.pick(&["COMMIT", "ROLLBACK"]);
                assert_eq!(run(&client, end).await, "ok");
                open = false;
            }
            2 if open => assert_eq!(run(&client, "SAVEPOINT s").await, "ok"),
            3 if open => {
                let savepoint = "SAVEPOINT t";
                assert_eq!(run(&client, savepoint).await, "ok");
                let change = generator.change();
                both(&client, seed, &change).await;
                compare(&client, seed, &mut generator).await;
                assert_eq!(run(&client, "ROLLBACK TO t").await, "ok");
            }
            4 | 5 if !open => {
                let step = generator.pick(&["FLUSH", "FLUSH", "COMPACT"]);
                let moved = run(&client, &format!("STORAGE {step} TABLE indexed")).await;
                assert!(moved.starts_with("[["), "{moved}");
            }
            6 if !open => {
                let (name, index) = INDEXES[generator.below(INDEXES.len())];
                let again = match generator.below(2) {
                    0 => format!("DROP INDEX {name}; {index}"),
                    _ => format!("REINDEX INDEX {name}"),
                };
                assert!(run(&client, &again).await.starts_with("ok"), "{again}");
            }
            _ => {
                let change = generator.change();
                both(&client, seed, &change).await;
            }
        }
        compare(&client, seed, &mut generator).await;
    }
    if open {
        assert_eq!(run(&client, "COMMIT").await, "ok");
    }
    both(&client, seed, "SELECT * FROM TABLE_NAME ORDER BY id").await;
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("ITEM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ITEM_SEEDS").unwrap_or(SEEDS),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_items_answers_as_one_without() {
    for seed in seeds() {
        play(seed, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_a_user_table() {
    for seed in seeds() {
        play(seed, "USER ").await;
    }
}

/// The first line of a plan that names an index, or reads the table.
async fn way(client: &Client, sql: &str) -> String {
    let text = run(client, &format!("EXPLAIN {sql}")).await;
    let line = text.split("Some(").find(|line| line.contains(" Scan ")).unwrap_or(&text);
    let from = line.find("Index Scan").or_else(|| line.find("Seq Scan")).unwrap_or(0);
    line[from..].split(',').take(2).collect::<Vec<_>>().join(",").trim_end_matches(['"', ')', ']']).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_that_is_used_is_named() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let made = "CREATE TABLE t (id int PRIMARY KEY, doc jsonb, tags varchar(20)[], done boolean);
        CREATE INDEX t_doc ON t USING gin (doc); CREATE INDEX t_tags ON t USING gin (tags);
        CREATE INDEX t_list ON t USING gin ((doc -> 'list') jsonb_path_ops) WHERE NOT done;
        CREATE VIEW v AS SELECT id AS number, doc AS document FROM t;
        CREATE TABLE parts (id int, tags text[]) PARTITION BY RANGE (id);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
        CREATE INDEX parts_tags ON parts USING gin (tags)";
    assert_eq!(run(&client, made).await, "ok ok ok ok ok ok ok ok");
    assert_eq!(run(&client, "SET kalamdb.point_plans = off").await, "ok");
    for (sql, expected) in [
        (r#"SELECT * FROM t WHERE doc @> '{"a": 1}'"#, "Index Scan using t_doc on t, items=2"),
        ("SELECT * FROM t WHERE doc ?| '{a,b}'", "Index Scan using t_doc on t, items=2"),
        ("SELECT * FROM t WHERE id > 5 AND doc ? 'a'", "Index Scan using t_doc on t, items=1"),
        ("SELECT * FROM t WHERE doc @> '{}'", "Seq Scan on t, segments=0 of 0"),
        ("SELECT * FROM t WHERE tags @> ARRAY['a']::varchar[]", "Index Scan using t_tags on t, items=1"),
        ("SELECT * FROM t WHERE tags::text[] && ARRAY['a', 'b']", "Index Scan using t_tags on t, items=2"),
        ("SELECT * FROM t WHERE 'a' = ANY (tags)", "Seq Scan on t, segments=0 of 0"),
        ("SELECT * FROM t WHERE NOT done AND doc -> 'list' @> '[1]'", "Index Scan using t_list on t, items=1"),
        ("SELECT * FROM t WHERE doc -> 'list' @> '[1]'", "Seq Scan on t, segments=0 of 0"),
        (r#"SELECT * FROM v WHERE document @> '{"a": 1}'"#, "Index Scan using t_doc on t, items=2"),
        ("SELECT * FROM parts WHERE tags @> '{a}'", "Index Scan using part_tags_idx on part, items=1"),
        (r#"UPDATE t SET done = true WHERE doc @> '{"a": 1}'"#, "Index Scan using t_doc on t, items=2"),
    ] {
        assert_eq!(way(&client, sql).await, expected, "{sql}");
    }
    let joined = "EXPLAIN SELECT * FROM t a JOIN t b ON b.id = a.id + 1 WHERE a.tags && '{a}'";
    let text = run(&client, joined).await;
    assert!(text.contains("Index Scan using t_tags on t, items=1"), "{text}");
}
