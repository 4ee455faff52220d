//! Random statements by random users over user tables, hot and flushed, against a model: no answer ever has another
//! user's row, and all users' rows together are the model's.
//!
//! `USER_TABLES_STEPS=n` plays so many statements, `USER_TABLES_SEED=n` that seed.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

const USERS: usize = 4;
const IDS: i32 = 40;
const STEPS: usize = 600;

/// A user's rows of the table with a key (by id: unique code, amount) and of the one without.
#[derive(Default, Clone)]
struct Rows {
    keyed: BTreeMap<i32, (i32, i32)>,
    loose: Vec<i32>,
}

struct Play {
    random: StdRng,
    model: Vec<Rows>,
    /// For each user a session with point plans and one without.
    sessions: Vec<[Client; 2]>,
    admin: Client,
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ever_meets_anothers_row() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("USER_TABLES_SEED").unwrap_or_else(rand::random);
    println!("USER_TABLES_SEED={seed}");
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    let made = "CREATE USER TABLE keyed (id int PRIMARY KEY, code int UNIQUE, amount int NOT NULL);
        CREATE USER TABLE loose (n int); CREATE INDEX ON keyed (amount); CREATE INDEX ON loose (n);
        CREATE VIEW through AS SELECT * FROM keyed; GRANT ALL ON through TO PUBLIC";
    assert_eq!(run(&admin, made).await, "ok ok ok ok ok ok");
    let mut sessions = Vec::new();
    for user in 0..USERS {
        assert_eq!(run(&admin, &format!("CREATE ROLE user{user}")).await, "ok");
        let session = async |point_plans: bool| {
            let client = connect(&server, "postgres").await;
            let set = format!("SET ROLE user{user}; SET kalamdb.point_plans = {point_plans}");
            assert_eq!(run(&client, &set).await, "ok ok");
            client
        };
        sessions.push([session(true).await, session(false).await]);
    }
    let (random, model) = (StdRng::seed_from_u64(seed), vec![Rows::default(); USERS]);
    let mut play = Play { random, model, sessions, admin };
    for step in 0..number("USER_TABLES_STEPS").map_or(STEPS, |steps| steps as usize) {
        play.step(step).await;
    }
    play.compare_all().await;
}

/// Rows of numbers as the harness prints them.
fn shown(rows: impl IntoIterator<Item = Vec<i32>>) -> String {
    let cells = |row: Vec<i32>| row.into_iter().map(|cell| Some(cell.to_string())).collect::<Vec<_>>();
    format!("{:?}", rows.into_iter().map(cells).collect::<Vec<_>>())
}

impl Play {
    async fn step(&mut self, step: usize) {
        let (user, way) = (self.random.random_range(0..USERS), self.random.random_range(0..2));
        let (sql, expected) = match self.random.random_range(0..24) {
            0..=7 => self.write(user),
            8..=10 => self.write_many(user),
            11..=12 => self.loose(user),
            13 if self.random.random_range(0..4) == 0 => {
                self.model[user] = Rows::default();
                ("TRUNCATE keyed, loose".to_owned(), "ok".to_owned())
            }
            14 => {
                let statement = ["STORAGE FLUSH ALL", "STORAGE COMPACT ALL", "VACUUM"][self.random.random_range(0..3)];
                let answer = run(&self.admin, statement).await;
                assert!(!answer.contains("XX") && !answer.contains("0A"), "{statement}: {answer}");
                return;
            }
            _ => self.read(user),
        };
        let found = run(&self.sessions[user][way], &sql).await;
        assert_eq!(found, expected, "step {step}, user{user}, point plans: {}: {sql}", way == 0);
    }

    fn id(&mut self) -> i32 {
        self.random.random_range(1..=IDS)
    }

    /// A statement about one row, and its answer.
    fn write(&mut self, user: usize) -> (String, String) {
        let (id, code, amount) = (self.id(), self.id(), self.random.random_range(0..100));
        let table = if self.random.random_range(0..4) == 0 { "through" } else { "keyed" };
        let rows = &mut self.model[user].keyed;
        let code_taken =
            |rows: &BTreeMap<i32, (i32, i32)>, by: i32| rows.iter().any(|(own, row)| *own != by && row.0 == code);
        let failed = "23505".to_owned();
        match self.random.random_range(0..5) {
            0 | 1 => {
                let sql = format!("INSERT INTO {table} VALUES ({id}, {code}, {amount})");
                if rows.contains_key(&id) || code_taken(rows, id) {
                    return (sql, failed);
                }
                rows.insert(id, (code, amount));
                (sql, "ok".to_owned())
            }
            2 => {
                let sql = format!(
                    "INSERT INTO keyed VALUES ({id}, {code}, {amount}) ON CONFLICT (id) DO UPDATE SET amount = keyed.amount + 1 RETURNING id, code, amount"
                );
                let is_taken = code_taken(rows, id);
                match rows.get_mut(&id) {
                    Some(row) => row.1 += 1,
                    None if is_taken => return (sql, failed),
                    None => drop(rows.insert(id, (code, amount))),
                }
                let row = rows[&id];
                (sql, shown([vec![id, row.0, row.1]]))
            }
            3 => {
                let sql = format!("UPDATE {table} SET code = {code}, amount = {amount} WHERE id = {id} RETURNING id");
                if !rows.contains_key(&id) {
                    return (sql, "[]".to_owned());
                }
                if code_taken(rows, id) {
                    return (sql, failed);
                }
                rows.insert(id, (code, amount));
                (sql, shown([vec![id]]))
            }
            _ => {
                let sql = format!("DELETE FROM {table} WHERE id = {id} RETURNING amount");
                let gone = rows.remove(&id);
                (sql, shown(gone.map(|row| vec![row.1])))
            }
        }
    }

    /// A statement about several rows.
    fn write_many(&mut self, user: usize) -> (String, String) {
        let (low, high) = (self.id(), self.id());
        let kind = self.random.random_range(0..3);
        let rows = &mut self.model[user].keyed;
        match kind {
            0 => {
                rows.iter_mut().filter(|(id, _)| (low..=high).contains(*id)).for_each(|(_, row)| row.1 += 1);
                (format!("UPDATE keyed SET amount = amount + 1 WHERE id BETWEEN {low} AND {high}"), "ok".to_owned())
            }
            1 => {
                rows.retain(|_, row| row.1 % 10 != low % 10);
                (format!("DELETE FROM keyed WHERE amount % 10 = {}", low % 10), "ok".to_owned())
            }
            _ => {
                rows.values_mut().filter(|row| row.1 > 50).for_each(|row| row.1 -= 50);
                (
                    "UPDATE keyed AS k SET amount = k.amount - 50 FROM keyed AS o WHERE o.id = k.id AND k.amount > 50"
                        .to_owned(),
                    "ok".to_owned(),
                )
            }
        }
    }

    fn loose(&mut self, user: usize) -> (String, String) {
        let (n, kind) = (self.id(), self.random.random_range(0..3));
        let rows = &mut self.model[user].loose;
        match kind {
            0 => {
                rows.retain(|own| *own != n);
                (format!("DELETE FROM loose WHERE n = {n}"), "ok".to_owned())
            }
            _ => {
                rows.extend([n, n, n + 1]);
                (format!("INSERT INTO loose VALUES ({n}), ({n}), ({n} + 1)"), "ok".to_owned())
            }
        }
    }

    fn read(&mut self, user: usize) -> (String, String) {
        let (low, high) = (self.id(), self.id());
        let kind = self.random.random_range(0..9);
        let Rows { keyed, loose } = &self.model[user];
        let within = || keyed.iter().filter(|(id, _)| (low..=high).contains(*id));
        let whole = |(id, row): (&i32, &(i32, i32))| vec![*id, row.0, row.1];
        match kind {
            0 => (format!("SELECT * FROM keyed WHERE id = {low}"), shown(keyed.get_key_value(&low).map(whole))),
            1 => {
                let found = keyed.iter().filter(|(_, row)| row.0 == low).map(|(id, _)| vec![*id]);
                (format!("SELECT id FROM through WHERE code = {low}"), shown(found))
            }
            2 => (
                format!("SELECT * FROM keyed WHERE id BETWEEN {low} AND {high} ORDER BY id"),
                shown(within().map(whole)),
            ),
            3 => {
                let sum = keyed.values().map(|row| row.1).sum::<i32>();
                let counts = vec![keyed.len() as i32, sum, loose.len() as i32];
                let sql = "SELECT count(*), coalesce(sum(amount), 0), (SELECT count(*) FROM loose) FROM keyed";
                (sql.to_owned(), shown([counts]))
            }
            4 => {
                let last = keyed.iter().next_back().map(whole);
                ("SELECT * FROM keyed ORDER BY id DESC LIMIT 1".to_owned(), shown(last))
            }
            5 => {
                let mut found: Vec<i32> = loose.iter().copied().filter(|n| *n >= low).collect();
                found.sort_unstable();
                (format!("SELECT n FROM loose WHERE n >= {low} ORDER BY n"), shown(found.into_iter().map(|n| vec![n])))
            }
            6 => {
                let found = keyed.iter().filter(|(id, _)| loose.contains(id)).map(|(id, _)| vec![*id]);
                ("SELECT id FROM keyed WHERE id IN (SELECT n FROM loose) ORDER BY id".to_owned(), shown(found))
            }
            7 => {
                let mut amounts: Vec<Vec<i32>> = keyed.iter().map(|(id, row)| vec![row.1, *id]).collect();
                amounts.sort();
                amounts.truncate(5);
                ("SELECT amount, id FROM keyed ORDER BY amount, id LIMIT 5".to_owned(), shown(amounts))
            }
            _ => {
                let first = keyed.iter().find(|(id, _)| **id >= low).map(whole);
                let rows = shown(first);
                let sql = format!(
                    "BEGIN; DECLARE c CURSOR FOR SELECT * FROM keyed WHERE id >= {low} ORDER BY id; FETCH c; COMMIT"
                );
                (sql, format!("ok ok {rows} ok"))
            }
        }
    }

    /// All users' rows, as a superuser sees them.
    async fn compare_all(&self) {
        assert_eq!(run(&self.admin, "SET kalamdb.all_users = on").await, "ok");
        for (user, rows) in self.model.iter().enumerate() {
            let keyed = shown(rows.keyed.iter().map(|(id, row)| vec![*id, row.0, row.1]));
            let sql = format!("SELECT id, code, amount FROM keyed WHERE _user = 'user{user}'::regrole ORDER BY id");
            assert_eq!(run(&self.admin, &sql).await, keyed);
            let mut loose = rows.loose.clone();
            loose.sort_unstable();
            let sql = format!("SELECT n FROM loose WHERE _user = 'user{user}'::regrole ORDER BY n");
            assert_eq!(run(&self.admin, &sql).await, shown(loose.into_iter().map(|n| vec![n])));
        }
        let all = self.model.iter().map(|rows| rows.keyed.len() as i32).sum();
        assert_eq!(run(&self.admin, "SELECT count(*) FROM keyed").await, shown([vec![all]]));
    }
}
