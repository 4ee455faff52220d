//! Statements at random over tables at random: few values, so that keys are hit, and every way to write a value down.
//!
//! What PostgreSQL leaves open is not generated: rows are cut off only in the order of a whole key, keys are moved only one
//! row at a time, and no condition can fail on a row that another condition excludes.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// A statement, and whether the order of its rows is its answer's.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) is_ordered: bool,
}

/// Types of keys, each with values as literals, and the same in other types that compare with it or are refused.
const TYPES: [(&str, &[&str], &[&str]); 11] = [
    ("smallint", &["0", "1", "2", "3", "-1", "32767"], INTEGERS),
    ("integer", &["0", "1", "2", "3", "-1", "2147483647"], INTEGERS),
    ("bigint", &["0", "1", "2", "3", "-1", "3000000000"], INTEGERS),
    (
        "numeric(6, 2)",
        &["0", "1", "1.5", "2.25", "-1.00", "1.005"],
        &["1", "1.50", "'1.5'", "1.5::float8", "1::bigint", "'NaN'::numeric", "1.500::numeric", "'x'", "1.005", "NULL"],
    ),
    (
        "text",
        &["'a'", "'b'", "'ab'", "''", "'A'", "'é'"],
        &["'a'::varchar", "'a '::char(3)", "'ab'::text", "'a'::name", "'a' || 'b'", "1", "NULL", "upper('a')"],
    ),
    ("varchar(4)", &["'a'", "'b'", "'ab'", "''", "'a '"], &["'a'::text", "'a '::char(3)", "'abcdef'", "NULL", "'a '"]),
    ("char(3)", &["'a'", "'b'", "'ab'", "''", "'a '"], &["'a'::text", "'a  '::text", "'a'::char(5)", "'a '", "NULL"]),
    (
        "date",
        &["'2024-01-01'", "'2024-02-29'", "'1999-12-31'", "'infinity'"],
        &[
            "date '2024-01-01'",
            "timestamp '2024-01-01 00:00'",
            "timestamp '2024-01-01 00:01'",
            "'2024-02-30'",
            "date '2024-01-01' + 1",
            "NULL",
        ],
    ),
    (
        "timestamp",
        &["'2024-01-01 00:00'", "'2024-02-29 12:30:00.5'", "'-infinity'"],
        &["date '2024-01-01'", "timestamptz '2024-01-01 00:00+00'", "'no time'", "NULL"],
    ),
    (
        "double precision",
        &["0", "1.5", "-1", "'NaN'", "'Infinity'", "0.1"],
        &["1.5", "1.5::real", "0.1::real", "'-0'", "1::bigint", "1.5::numeric", "'NaN'::float8", "NULL"],
    ),
    (
        "uuid",
        &["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'00000000-0000-0000-0000-000000000001'"],
        &[
            "'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'",
            "'no uuid'",
            "'00000000-0000-0000-0000-000000000001'::uuid",
            "NULL",
        ],
    ),
];

const INTEGERS: &[&str] = &[
    "1::smallint",
    "1::integer",
    "1::bigint",
    "1.0",
    "1.5",
    "'1'",
    "' 2 '",
    "'x'",
    "2::numeric",
    "2::float8",
    "3000000000",
    "99999999999999999999",
    "-1",
    "1 + 1",
    "NULL",
    "NULL::bigint",
    "true",
];

/// Types that a parameter may be declared with, beside the column's own.
const PARAMETER_TYPES: [&str; 7] = ["smallint", "integer", "bigint", "numeric", "text", "double precision", "date"];

#[derive(Debug, Clone)]
struct Column {
    name: &'static str,
    /// Which of `TYPES`.
    ty: usize,
}

#[derive(Debug, Clone)]
struct Table {
    name: &'static str,
    columns: Vec<Column>,
    /// How many columns at the beginning are the primary key.
    key: usize,
    /// The columns of a unique constraint.
    unique: Vec<&'static str>,
}

/// Makes statements; `parameters` are those of the statement that is being made.
pub(super) struct Generator {
    random: StdRng,
    tables: Vec<Table>,
    in_block: bool,
    /// Declared type and column type of each parameter; None: literals only.
    parameters: Option<Vec<(String, usize)>>,
}

impl Generator {
    pub(super) fn new(random: StdRng) -> Self {
        Self { random, tables: Vec::new(), in_block: false, parameters: None }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from.choose(&mut self.random).copied().expect("there is something to choose from")
    }

    /// The tables of this seed: one with a single key, one with a composite key.
    pub(super) fn tables(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (name, key) in [("single", 1), ("pair", 2), ("triple", 3)] {
            let names: &[&str] = &["k", "l", "m"];
            let mut columns = Vec::new();
            for &name in names[..key].iter().chain(&["u", "v"]) {
                columns.push(Column { name, ty: self.random.random_range(0..TYPES.len()) });
            }
            columns.push(Column { name: "n", ty: 1 });
            columns.push(Column { name: "s", ty: 4 });
            let unique = if self.chance(50) { vec!["u"] } else { vec!["u", "v"] };
            let table = Table { name, columns, key, unique };
            let definitions = table.columns.iter().map(|column| format!("{} {}", column.name, TYPES[column.ty].0));
            let constraints = [
                format!("PRIMARY KEY ({})", names[..key].join(", ")),
                format!("UNIQUE ({})", table.unique.join(", ")),
                "CHECK (n < 90)".to_owned(),
            ];
            let body = definitions.chain(constraints).collect::<Vec<_>>().join(", ");
            steps.push(Step { sql: format!("CREATE TABLE {name} ({body})"), is_ordered: false });
            self.tables.push(table);
            for _ in 0..12 {
                let table = self.tables.last().expect("one was just made").clone();
                steps.push(Step { sql: self.insert(&table), is_ordered: false });
            }
        }
        steps
    }

    /// The next statement, or those that belong together.
    pub(super) fn steps(&mut self) -> Vec<Step> {
        let step = |sql: String| Step { is_ordered: sql.contains("ORDER BY"), sql };
        if self.chance(if self.in_block { 25 } else { 8 }) {
            self.in_block = !self.in_block;
            let verb = if self.in_block { "BEGIN" } else { self.pick(&["COMMIT", "ROLLBACK"]) };
            return vec![step(verb.to_owned())];
        }
        let table = self.tables.choose(&mut self.random).expect("there are tables").clone();
        if self.chance(30) {
            self.parameters = Some(Vec::new());
            let body = self.statement(&table);
            let parameters = self.parameters.take().unwrap_or_default();
            return self.prepared(&body, &parameters).into_iter().map(step).collect();
        }
        let mut steps = vec![step(self.statement(&table))];
        if self.chance(5) {
            let key = table.columns[..table.key].iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
            steps.push(step(format!("SELECT * FROM {} ORDER BY {key}", table.name)));
        }
        steps
    }

    /// PREPARE, a few EXECUTE with other values, DEALLOCATE.
    fn prepared(&mut self, body: &str, parameters: &[(String, usize)]) -> Vec<String> {
        let types = parameters.iter().map(|(declared, _)| declared.as_str()).collect::<Vec<_>>().join(", ");
        let types = if types.is_empty() { types } else { format!(" ({types})") };
        let mut statements = vec![format!("PREPARE q{types} AS {body}")];
        for _ in 0..3 {
            let values = parameters
                .iter()
                .map(|(_, ty)| if self.random.random_range(0..10) == 0 { "NULL".to_owned() } else { self.stored(*ty) });
            let values = values.collect::<Vec<_>>().join(", ");
            let values = if values.is_empty() { values } else { format!(" ({values})") };
            statements.push(format!("EXECUTE q{values}"));
        }
        statements.push("DEALLOCATE q".to_owned());
        statements
    }

    fn statement(&mut self, table: &Table) -> String {
        match self.random.random_range(0..100) {
            0..45 => self.select(table),
            45..60 => self.insert(table),
            60..70 => self.upsert(table),
            70..90 => self.update(table),
            _ => {
                let (condition, returning) = (self.condition(table, true), self.returning(table));
                format!("DELETE FROM {} WHERE {condition}{returning}", table.name)
            }
        }
    }

    /// A value as it is stored in a column of the type.
    fn stored(&mut self, ty: usize) -> String {
        self.pick(TYPES[ty].1).to_owned()
    }

    /// A value to compare a column with: its own, or one of another type, or a parameter.
    fn value(&mut self, ty: usize) -> String {
        if self.parameters.is_some() && self.chance(60) {
            let own = TYPES[ty].0.split('(').next().unwrap_or_default();
            let declared = if self.chance(70) { own } else { self.pick(&PARAMETER_TYPES) };
            let parameters = self.parameters.get_or_insert_default();
            parameters.push((declared.to_owned(), ty));
            return format!("${}", parameters.len());
        }
        if self.chance(75) { self.stored(ty) } else { self.pick(TYPES[ty].2).to_owned() }
    }

    fn insert(&mut self, table: &Table) -> String {
        let rows = if self.chance(80) { 1 } else { 2 };
        let rows = (0..rows).map(|_| format!("({})", self.row(table))).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {} VALUES {rows}{}", table.name, self.returning(table))
    }

    fn row(&mut self, table: &Table) -> String {
        let mut values = Vec::new();
        for (at, column) in table.columns.iter().enumerate() {
            values.push(match column.name {
                _ if at >= table.key && self.chance(25) => "NULL".to_owned(),
                "n" => self.random.random_range(0..92).to_string(),
                _ if self.chance(90) => self.stored(column.ty),
                _ => self.value(column.ty),
            });
        }
        values.join(", ")
    }

    fn upsert(&mut self, table: &Table) -> String {
        let key = table.columns[..table.key].iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        let target = match self.random.random_range(0..4) {
            0 => format!(" ({})", table.unique.join(", ")),
            1 => format!(" ON CONSTRAINT {}_pkey", table.name),
            _ => format!(" ({key})"),
        };
        let name = table.name;
        let action = match self.random.random_range(0..5) {
            0 => "DO NOTHING".to_owned(),
            1 => format!("DO UPDATE SET n = {name}.n + 1, s = EXCLUDED.s WHERE {name}.n > 40"),
            2 => "DO UPDATE SET s = EXCLUDED.s || 'x', n = EXCLUDED.n".to_owned(),
            3 => format!("DO UPDATE SET n = coalesce({name}.n, 0) + 1, u = EXCLUDED.u"),
            _ => format!("DO UPDATE SET s = coalesce({name}.s, 'none')"),
        };
        let (row, returning) = (self.row(table), self.returning(table));
        format!("INSERT INTO {name} VALUES ({row}) ON CONFLICT{target} {action}{returning}")
    }

    fn update(&mut self, table: &Table) -> String {
        let by_key = self.chance(60);
        let condition = if by_key { self.whole_key(table) } else { self.condition(table, true) };
        let mut assignments = Vec::new();
        let column = |name: &str| table.columns.iter().find(|column| column.name == name).expect("it has it").ty;
        if by_key && self.chance(20) {
            let first = table.columns[0].clone();
            assignments.push(format!("{} = {}", first.name, self.stored(first.ty)));
        }
        if self.chance(30) {
            // Of its own type: PostgreSQL computes what is constant even when there is no row to assign it to.
            let value = self.stored(column("u"));
            assignments.push(format!("u = {value}"));
        }
        if self.chance(20) {
            assignments.push("v = DEFAULT".to_owned());
        }
        if assignments.is_empty() || self.chance(50) {
            assignments.push(self.pick(&["n = n + 1", "n = coalesce(n, 0) - 1", "n = 5", "n = NULL"]).to_owned());
        }
        if self.chance(30) {
            assignments.push(self.pick(&["s = s || 'y'", "s = repeat(s, 2)", "s = NULL", "s = n::text"]).to_owned());
        }
        let returning = self.returning(table);
        format!("UPDATE {} SET {} WHERE {condition}{returning}", table.name, assignments.join(", "))
    }

    fn select(&mut self, table: &Table) -> String {
        let outputs = self.outputs(table);
        let condition = self.condition(table, false);
        let mut sql = format!("SELECT {outputs} FROM {} WHERE {condition}", table.name);
        if self.chance(40) {
            let direction = self.pick(&["", " DESC"]);
            let key = table.columns[..table.key].iter().map(|column| format!("{}{direction}", column.name));
            sql.push_str(&format!(" ORDER BY {}", key.collect::<Vec<_>>().join(", ")));
            if self.chance(60) {
                sql.push_str(self.pick(&[
                    " LIMIT 1",
                    " LIMIT 3",
                    " LIMIT 0",
                    " LIMIT NULL",
                    " LIMIT 2 OFFSET 1",
                    " OFFSET 2",
                ]));
            }
        }
        if self.chance(8) {
            sql.push_str(self.pick(&[" FOR UPDATE", " FOR SHARE", " FOR UPDATE SKIP LOCKED", " FOR SHARE NOWAIT"]));
        }
        sql
    }

    fn outputs(&mut self, table: &Table) -> String {
        let key = table.columns[0].name;
        match self.random.random_range(0..6) {
            0 => "*".to_owned(),
            1 => format!("{key}, n + 1 AS next"),
            2 => format!("s || 'x', coalesce(n, 0), {key} IS NULL"),
            3 => "CASE WHEN n > 40 THEN 'big' WHEN n IS NULL THEN 'none' ELSE 'small' END, length(s)".to_owned(),
            4 => format!("{key}::text, n % 7, u"),
            _ => format!("{}.*, 1", table.name),
        }
    }

    fn returning(&mut self, table: &Table) -> String {
        if self.chance(50) { format!(" RETURNING {}", self.outputs(table)) } else { String::new() }
    }

    /// Equality on all columns of the primary key, which finds one row at most.
    fn whole_key(&mut self, table: &Table) -> String {
        let equal = |generator: &mut Self, column: &Column| {
            let value = generator.value(column.ty);
            if generator.chance(85) {
                format!("{} = {value}", column.name)
            } else {
                format!("{value} = {}", column.name)
            }
        };
        let key = table.columns[..table.key].iter().map(|column| equal(self, column)).collect::<Vec<_>>();
        key.join(" AND ")
    }

    /// A condition of one or more parts. Writes mostly name few rows.
    fn condition(&mut self, table: &Table, writes: bool) -> String {
        let mut parts = Vec::new();
        if self.chance(if writes { 70 } else { 55 }) {
            parts.push(self.whole_key(table));
        } else if self.chance(50) {
            for name in table.unique.clone() {
                let ty = table.columns.iter().find(|column| column.name == name).expect("it has it").ty;
                parts.push(format!("{name} = {}", self.value(ty)));
            }
        }
        while parts.is_empty() || self.chance(25) {
            parts.push(self.part(table));
        }
        if parts.len() > 1 && self.chance(8) {
            return parts.join(" OR ");
        }
        parts.join(" AND ")
    }

    fn part(&mut self, table: &Table) -> String {
        let Column { name, ty } = table.columns.choose(&mut self.random).expect("a table has columns").clone();
        let value = self.value(ty);
        match self.random.random_range(0..16) {
            0..3 => format!("{name} = {value}"),
            3..5 => {
                let operator = self.pick(&["<", ">", "<=", ">=", "<>"]);
                format!("{name} {operator} {value}")
            }
            5 => format!("{name} BETWEEN {value} AND {}", self.value(ty)),
            6..8 => format!("{name} IN ({value}, {})", self.stored(ty)),
            8 => format!("{name} NOT IN ({value}, {})", self.stored(ty)),
            9 => format!("{name} = ANY (ARRAY[{}, {}]::{}[])", self.stored(ty), self.stored(ty), TYPES[ty].0),
            10 => self.pick(&["n IS NULL", "s IS NOT NULL", "u IS NULL", "k IS NULL"]).to_owned(),
            11 => format!("NOT ({name} = {value})"),
            12 => format!("({name} IS NOT DISTINCT FROM {value})"),
            13 if table.key > 1 => {
                let (first, second) = (table.columns[0].ty, table.columns[1].ty);
                format!("(k, l) = ({}, {})", self.value(first), self.value(second))
            }
            14 => self.pick(&["true", "false", "NULL", "1 = 1", "n = n", "k = k"]).to_owned(),
            _ => self.pick(&["n > 40", "s LIKE 'a%'", "length(s) < 2", "n % 2 = 0", "coalesce(n, 1) = 1"]).to_owned(),
        }
    }
}
