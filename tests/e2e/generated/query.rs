//! Queries at random over tables at random: joins of all kinds, subqueries, aggregates, windows, set operations, NULLs.
//!
//! What PostgreSQL leaves open is not generated: the order of rows is compared only where every column is a key, only then
//! are rows cut off, functions that depend on order are given one, floats are multiples of a half, nothing divides, and no
//! aggregate takes its arguments from an enclosing query alone.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::statement::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    Int,
    Big,
    Numeric,
    Float,
    Text,
    Bool,
    Date,
    Timestamp,
    Char,
}

use Ty::{Big, Bool, Char, Date, Float, Int, Numeric, Text, Timestamp};

const TYPES: [Ty; 9] = [Int, Big, Numeric, Float, Text, Bool, Date, Timestamp, Char];

impl Ty {
    fn name(self) -> &'static str {
        match self {
            Int => "integer",
            Big => "bigint",
            Numeric => "numeric(8, 2)",
            Float => "double precision",
            Text => "text",
            Bool => "boolean",
            Date => "date",
            Timestamp => "timestamp",
            Char => "character(3)",
        }
    }

    fn literals(self) -> &'static [&'static str] {
        match self {
            Int => &["0", "1", "2", "3", "-1", "7"],
            Big => &["0", "1", "2", "3000000000", "-1"],
            Numeric => &["0.00", "1.00", "2.50", "-1.25", "10.00"],
            Float => &["0", "0.5", "1.5", "-2", "100"],
            Text => &["'a'", "'b'", "'ab'", "''", "'B'"],
            Bool => &["true", "false"],
            Date => &["date '2024-01-01'", "date '2024-02-29'", "date '1999-12-31'"],
            Timestamp => {
                &["timestamp '2024-01-01 00:00'", "timestamp '2024-02-29 12:30'", "timestamp '1999-12-31 23:59'"]
            }
            Char => &["'a'", "'b'", "'ab'", "''", "'abc'"],
        }
    }

    fn literal(self, text: &str) -> String {
        match self {
            Big | Float | Numeric | Char => format!("{text}::{}", self.name()),
            _ => text.to_owned(),
        }
    }
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    ty: Ty,
}

/// What can be named where an expression stands: its own query's columns, and those of the queries around it.
#[derive(Debug, Clone, Default)]
struct Scope {
    own: Vec<Column>,
    outer: Vec<Column>,
}

impl Scope {
    fn inside(&self) -> Vec<Column> {
        self.own.iter().chain(&self.outer).cloned().collect()
    }
}

pub(super) struct QueryGenerator {
    random: StdRng,
    tables: Vec<(&'static str, Vec<Column>)>,
    /// Queries that WITH has named.
    named: Vec<(String, Vec<Column>)>,
    aliases: usize,
}

impl QueryGenerator {
    pub(super) fn new(random: StdRng) -> Self {
        Self { random, tables: Vec::new(), named: Vec::new(), aliases: 0 }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn below(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from.choose(&mut self.random).copied().expect("there is something to choose from")
    }

    fn fresh(&mut self, letter: char) -> String {
        self.aliases += 1;
        format!("{letter}{}", self.aliases)
    }

    /// The tables of this seed, with their rows.
    pub(super) fn tables(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for name in ["one", "two", "three"] {
            let mut columns = vec![Column { name: "id".to_owned(), ty: Int }, Column { name: "r".to_owned(), ty: Int }];
            for at in 0..4 {
                let ty = TYPES[self.below(TYPES.len())];
                columns.push(Column { name: format!("x{at}"), ty });
            }
            let body = columns.iter().map(|column| format!("{} {}", column.name, column.ty.name()));
            let body = body.collect::<Vec<_>>().join(", ");
            steps.push(format!("CREATE TABLE {name} ({body}, PRIMARY KEY (id))"));
            for id in 0..7 {
                let mut values = vec![id.to_string()];
                for column in &columns[1..] {
                    let value = self.pick(column.ty.literals()).to_owned();
                    values.push(if self.chance(20) { "NULL".to_owned() } else { value });
                }
                steps.push(format!("INSERT INTO {name} VALUES ({})", values.join(", ")));
            }
            self.tables.push((name, columns));
        }
        steps.into_iter().map(|sql| Step { sql, is_ordered: false }).collect()
    }

    /// The next query.
    pub(super) fn step(&mut self) -> Step {
        self.aliases = 0;
        self.named.clear();
        let mut with = Vec::new();
        if self.chance(20) {
            let name = self.fresh('w');
            let (sql, columns) = self.query(1, &[], None);
            let hint = self.pick(&["", "MATERIALIZED ", "NOT MATERIALIZED "]);
            with.push(format!("{name} AS {hint}({sql})"));
            self.named.push((name, columns));
        }
        let (body, columns) = match self.below(100) {
            0..25 => self.set_operation(),
            _ => self.query(2, &[], None),
        };
        let mut sql = match with.is_empty() {
            true => body,
            false => format!("WITH {} {body}", with.join(", ")),
        };
        let is_ordered = self.chance(40) && !columns.is_empty();
        if is_ordered {
            let keys = (1..=columns.len()).map(|at| {
                format!("{at}{}{}", self.pick(&["", " DESC"]), self.pick(&["", "", " NULLS FIRST", " NULLS LAST"]))
            });
            sql.push_str(&format!(" ORDER BY {}", keys.collect::<Vec<_>>().join(", ")));
            if self.chance(40) {
                sql.push_str(&format!(" LIMIT {}", self.below(6)));
            }
            if self.chance(20) {
                sql.push_str(&format!(" OFFSET {}", self.below(3)));
            }
        }
        Step { sql, is_ordered }
    }

    fn set_operation(&mut self) -> (String, Vec<Column>) {
        let (left, columns) = self.query(1, &[], None);
        let types: Vec<Ty> = columns.iter().map(|column| column.ty).collect();
        let (right, _) = self.query(1, &[], Some(&types));
        let operator = self.pick(&["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"]);
        (format!("{left} {operator} {right}"), columns)
    }

    /// A SELECT without an order; `types`: what it answers, if that is given.
    fn query(&mut self, depth: usize, outer: &[Column], types: Option<&[Ty]>) -> (String, Vec<Column>) {
        let (from, own) = self.from(depth, outer);
        let scope = Scope { own, outer: outer.to_vec() };
        let condition = match self.chance(60) {
            true => format!(" WHERE {}", self.expr(Bool, &scope, depth)),
            false => String::new(),
        };
        let kind = self.below(100);
        let wanted: Vec<Ty> = match types {
            Some(types) => types.to_vec(),
            None => {
                let count = 1 + self.below(3);
                (0..count).map(|_| TYPES[self.below(TYPES.len())]).collect()
            }
        };
        let (list, tail) = match kind {
            0..25 => self.aggregated(&wanted, &scope, depth),
            25..35 if depth > 0 => (wanted.iter().map(|ty| self.windowed(*ty, &scope, depth)).collect(), String::new()),
            _ => (wanted.iter().map(|ty| self.expr(*ty, &scope, depth)).collect(), String::new()),
        };
        let columns: Vec<Column> =
            wanted.iter().enumerate().map(|(at, ty)| Column { name: format!("c{at}"), ty: *ty }).collect();
        let list: Vec<String> =
            list.iter().zip(&columns).map(|(expr, column)| format!("{expr} AS {}", column.name)).collect();
        let distinct = if self.chance(12) { "DISTINCT " } else { "" };
        (format!("SELECT {distinct}{} FROM {from}{condition}{tail}", list.join(", ")), columns)
    }

    /// GROUP BY: aggregates, grouped columns and what follows from them.
    fn aggregated(&mut self, wanted: &[Ty], scope: &Scope, depth: usize) -> (Vec<String>, String) {
        let mut groups: Vec<Column> = Vec::new();
        for _ in 0..self.below(3) {
            if let Some(column) = scope.own.choose(&mut self.random) {
                groups.push(column.clone());
            }
        }
        let inside = Scope { own: groups.clone(), outer: scope.outer.clone() };
        let list = wanted
            .iter()
            .map(|ty| {
                let grouped = groups.iter().any(|group| group.ty == *ty);
                if grouped && self.chance(40) { self.expr(*ty, &inside, 0) } else { self.aggregate(*ty, scope, depth) }
            })
            .collect();
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        let mut tail = match (names.is_empty(), self.below(10)) {
            (true, _) => String::new(),
            (false, 0) => format!(" GROUP BY ROLLUP ({})", names.join(", ")),
            (false, 1) => format!(" GROUP BY CUBE ({})", names.join(", ")),
            (false, _) => format!(" GROUP BY {}", names.join(", ")),
        };
        if self.chance(25) {
            let (left, right) = (self.aggregate(Int, scope, 0), self.below(3));
            tail.push_str(&format!(" HAVING {left} {} {right}", self.pick(&[">", "<", "=", "<>"])));
        }
        (list, tail)
    }

    /// An aggregate over the query's own columns.
    fn aggregate(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        let own = Scope { own: scope.own.clone(), outer: Vec::new() };
        let column = |generator: &mut Self, ty: Ty| -> String {
            let all: Vec<&Column> = own.own.iter().filter(|column| column.ty == ty).collect();
            match all.choose(&mut generator.random) {
                Some(column) => column.name.clone(),
                None => {
                    let any = own.own.choose(&mut generator.random).expect("FROM has columns");
                    let value = generator.pick(ty.literals()).to_owned();
                    format!("CASE WHEN {} IS NOT NULL THEN {} END", any.name, ty.literal(&value))
                }
            }
        };
        let filter = match self.chance(20) {
            true => format!(" FILTER (WHERE {})", self.expr(Bool, &own, depth.min(1).saturating_sub(1))),
            false => String::new(),
        };
        let distinct = if self.chance(20) { "DISTINCT " } else { "" };
        match (ty, self.below(6)) {
            (Int, 0) => format!("count(*){filter}::int"),
            (Int, 1 | 2) => {
                let ty = TYPES[self.below(TYPES.len())];
                format!("(count({distinct}{}){filter})::int", column(self, ty))
            }
            (Big, 0 | 1) => format!("sum({distinct}{}){filter}", column(self, Int)),
            (Big, 2) => format!("count({distinct}{}){filter}", column(self, Text)),
            (Numeric, 0) => format!("round(sum({distinct}{}){filter}, 2)", column(self, Big)),
            (Numeric, 1 | 2) => format!("round(avg({distinct}{}){filter}, 2)", column(self, Int)),
            (Numeric, 3) => match self.below(4) {
                0 => format!("sum({distinct}{}){filter}", column(self, Numeric)),
                1 => format!("round(avg({distinct}{}){filter}, 2)", column(self, Numeric)),
                // Rounded, since equal numbers that look different are not told apart everywhere.
                2 => format!("round(sum({} * (1 - {})){filter}, 2)", column(self, Numeric), column(self, Numeric)),
                _ => {
                    let (when, then) = (column(self, Int), column(self, Numeric));
                    format!("round(sum(CASE WHEN {when} > 1 THEN {then} ELSE 0 END){filter}, 2)")
                }
            },
            (Float, 0 | 1) => format!("sum({}){filter}", column(self, Float)),
            (Text, 0 | 1) => {
                let text = column(self, Text);
                format!("string_agg({text}, ',' ORDER BY {text} DESC){filter}")
            }
            (Text, 2) => {
                let value = column(self, Int);
                format!("(array_agg({distinct}{value} ORDER BY {value}){filter})::text")
            }
            (Bool, _) => format!("{}({}){filter}", self.pick(&["bool_and", "bool_or", "every"]), column(self, Bool)),
            (ty, _) => format!("{}({}){filter}", self.pick(&["min", "max"]), column(self, ty)),
        }
    }

    /// A window function whose value no ties can change.
    fn windowed(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        let partition = match (self.chance(50), scope.own.choose(&mut self.random)) {
            (true, Some(column)) => format!("PARTITION BY {} ", column.name),
            _ => String::new(),
        };
        let key = scope.own.choose(&mut self.random).map(|column| column.name.clone()).unwrap_or_default();
        let order = match self.chance(60) {
            true => format!("ORDER BY {key}{}", self.pick(&["", " DESC", " NULLS FIRST"])),
            false => String::new(),
        };
        let frame = match (order.is_empty(), self.below(5)) {
            (false, 0) => " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
            (false, 1) => " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
            (false, 2) => " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW",
            (false, 3) => " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            _ => "",
        };
        let over = format!("OVER ({partition}{order}{frame})");
        let own = |generator: &mut Self, ty: Ty| {
            let inside = Scope { own: scope.own.clone(), outer: Vec::new() };
            generator.expr(ty, &inside, depth.saturating_sub(2))
        };
        match (ty, self.below(3)) {
            (Int, 0) => format!("(count(*) {over})::int"),
            (Big, 0) => format!("{} {over}", self.pick(&["rank()", "dense_rank()"])),
            (Big, 1) => format!("sum({}) {over}", own(self, Int)),
            (Numeric, 0) => format!("sum({}) {over}", own(self, Numeric)),
            (Float, 0) => format!("{} {over}", self.pick(&["cume_dist()", "percent_rank()"])),
            (Int | Big | Numeric | Float | Text | Date | Timestamp | Char, _) => {
                format!("{}({}) {over}", self.pick(&["min", "max"]), own(self, ty))
            }
            (Bool, _) => format!("bool_or({}) {over}", own(self, Bool)),
        }
    }

    fn from(&mut self, depth: usize, outer: &[Column]) -> (String, Vec<Column>) {
        let (mut text, mut columns) = self.item(depth, outer);
        for _ in 0..self.below(if depth > 1 { 3 } else { 2 }) {
            let kind = self.below(100);
            // A lateral item sees those before it.
            let lateral = depth > 0 && kind < 20;
            let before = columns.clone();
            let (item, found) = if lateral { self.lateral(depth, outer, &before) } else { self.item(depth, outer) };
            let mut both = columns.clone();
            both.extend(found.clone());
            let join = match (kind, lateral) {
                (0..10, true) | (20..30, false) => "CROSS JOIN",
                (_, true) | (50..65, false) => "LEFT JOIN",
                (65..78, false) => "RIGHT JOIN",
                (78..88, false) => "FULL JOIN",
                _ => "JOIN",
            };
            let scope = Scope { own: both.clone(), outer: outer.to_vec() };
            let condition = match (join, self.equality(&columns, &found)) {
                ("CROSS JOIN", _) => String::new(),
                // A full join needs a condition that can be merged or hashed.
                ("FULL JOIN", equal) => format!(" ON {}", equal.unwrap_or_else(|| "true".to_owned())),
                (_, Some(equal)) if self.chance(50) => format!(" ON {equal}"),
                (_, Some(equal)) if self.chance(40) => {
                    format!(" ON {equal} AND {}", self.expr(Bool, &scope, depth.saturating_sub(1)))
                }
                _ => format!(" ON {}", self.expr(Bool, &scope, depth.saturating_sub(1))),
            };
            text = format!("{text} {join} {item}{condition}");
            columns = both;
        }
        (text, columns)
    }

    fn equality(&mut self, left: &[Column], right: &[Column]) -> Option<String> {
        let pairs: Vec<(&Column, &Column)> = left
            .iter()
            .flat_map(|left| right.iter().map(move |right| (left, right)))
            .filter(|(left, right)| left.ty == right.ty)
            .collect();
        pairs.choose(&mut self.random).map(|(left, right)| format!("{} = {}", left.name, right.name))
    }

    /// An item of FROM.
    fn item(&mut self, depth: usize, outer: &[Column]) -> (String, Vec<Column>) {
        let alias = self.fresh('t');
        let known = |columns: &[Column], alias: &str| -> Vec<Column> {
            columns.iter().map(|column| Column { name: format!("{alias}.{}", column.name), ty: column.ty }).collect()
        };
        match self.below(100) {
            0..20 if depth > 0 => {
                let (sql, columns) = self.query(depth - 1, outer, None);
                (format!("({sql}) AS {alias}"), known(&columns, &alias))
            }
            20..27 => {
                let (a, b) = (TYPES[self.below(8)], TYPES[self.below(8)]);
                let mut row = || {
                    let (a, b) = (a.literal(self.pick(a.literals())), b.literal(self.pick(b.literals())));
                    format!("({a}, {b})")
                };
                let rows = [row(), row(), row()].join(", ");
                let columns = vec![Column { name: "a".to_owned(), ty: a }, Column { name: "b".to_owned(), ty: b }];
                (format!("(VALUES {rows}) AS {alias} (a, b)"), known(&columns, &alias))
            }
            27..34 => {
                let columns = vec![Column { name: "n".to_owned(), ty: Int }];
                (format!("generate_series(1, {}) AS {alias} (n)", self.below(4)), known(&columns, &alias))
            }
            34..50 if !self.named.is_empty() => {
                let at = self.below(self.named.len());
                let (name, columns) = self.named[at].clone();
                (format!("{name} AS {alias}"), known(&columns, &alias))
            }
            _ => {
                let at = self.below(self.tables.len());
                let (name, columns) = self.tables[at].clone();
                (format!("{name} AS {alias}"), known(&columns, &alias))
            }
        }
    }

    fn lateral(&mut self, depth: usize, outer: &[Column], before: &[Column]) -> (String, Vec<Column>) {
        let alias = self.fresh('l');
        let around: Vec<Column> = outer.iter().chain(before).cloned().collect();
        let (sql, columns) = self.query(depth - 1, &around, None);
        let columns =
            columns.iter().map(|column| Column { name: format!("{alias}.{}", column.name), ty: column.ty }).collect();
        (format!("LATERAL ({sql}) AS {alias}"), columns)
    }

    /// An expression of a type.
    fn expr(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        let candidates: Vec<Column> = scope.inside().into_iter().filter(|column| column.ty == ty).collect();
        let own: Vec<Column> = scope.own.iter().filter(|column| column.ty == ty).cloned().collect();
        let kind = self.below(100);
        if ty != Bool || kind < 15 {
            if kind < 45
                && let Some(column) = if self.chance(70) { own.choose(&mut self.random) } else { None }
                    .or(candidates.choose(&mut self.random))
            {
                return column.name.clone();
            }
            if kind < 60 || depth == 0 {
                let value = self.pick(ty.literals()).to_owned();
                return if self.chance(6) { format!("NULL::{}", ty.name()) } else { ty.literal(&value) };
            }
        }
        let deeper = depth.saturating_sub(1);
        if kind > 88 && depth > 0 {
            return self.scalar_subquery(ty, scope, deeper);
        }
        match (ty, self.below(6)) {
            (Bool, _) => self.condition(scope, depth),
            (_, 0) => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                self.condition(scope, deeper),
                self.expr(ty, scope, deeper),
                self.expr(ty, scope, deeper)
            ),
            (_, 1) => format!("coalesce({}, {})", self.expr(ty, scope, deeper), self.expr(ty, scope, deeper)),
            (_, 2) => format!("nullif({}, {})", self.expr(ty, scope, deeper), self.expr(ty, scope, deeper)),
            (_, 3) => format!(
                "{}({}, {})",
                self.pick(&["greatest", "least"]),
                self.expr(ty, scope, deeper),
                self.expr(ty, scope, deeper)
            ),
            (Int, 4) => match self.chance(50) {
                true => format!("length({})", self.expr(Text, scope, deeper)),
                false => format!("extract(year FROM {})::int", self.expr(Date, scope, deeper)),
            },
            (Numeric, 4) => {
                format!("round({} * {}, 2)::numeric(8, 2)", self.expr(Numeric, scope, 0), self.expr(Numeric, scope, 0))
            }
            (Int | Numeric | Float, _) => format!(
                "({} {} {})",
                self.expr(ty, scope, deeper),
                self.pick(&["+", "-"]),
                self.expr(ty, scope, deeper)
            ),
            (Big, _) => format!("({})::bigint", self.expr(Int, scope, deeper)),
            (Text, 4) => format!("upper({})", self.expr(Text, scope, deeper)),
            (Text, _) => format!("({} || {})", self.expr(Text, scope, deeper), self.expr(Text, scope, deeper)),
            (Date, _) => format!("({} + {})", self.expr(Date, scope, deeper), self.below(5)),
            (Timestamp, _) => format!("({})::timestamp", self.expr(Date, scope, deeper)),
            (Char, _) => format!("upper({})::character(3)", self.expr(Char, scope, deeper)),
        }
    }

    fn scalar_subquery(&mut self, ty: Ty, scope: &Scope, depth: usize) -> String {
        let (from, own) = self.from(depth.min(1), &scope.inside());
        let inside = Scope { own, outer: scope.inside() };
        let condition = match self.chance(75) {
            true => format!(" WHERE {}", self.expr(Bool, &inside, depth)),
            false => String::new(),
        };
        match self.chance(70) {
            true => format!("(SELECT {} FROM {from}{condition})", self.aggregate(ty, &inside, 0)),
            false => format!("(SELECT {} FROM {from}{condition} ORDER BY 1 LIMIT 1)", self.expr(ty, &inside, depth)),
        }
    }

    fn condition(&mut self, scope: &Scope, depth: usize) -> String {
        format!("({})", self.bare_condition(scope, depth))
    }

    fn bare_condition(&mut self, scope: &Scope, depth: usize) -> String {
        let deeper = depth.saturating_sub(1);
        let ty = TYPES[self.below(TYPES.len())];
        let pair = |generator: &mut Self| (generator.expr(ty, scope, deeper), generator.expr(ty, scope, deeper));
        match self.below(if depth > 0 { 22 } else { 12 }) {
            0..4 => {
                let (left, right) = pair(self);
                format!("{left} {} {right}", self.pick(&["=", "<>", "<", "<=", ">", ">="]))
            }
            4 => format!("{} IS {}NULL", self.expr(ty, scope, deeper), self.pick(&["", "NOT "])),
            5 => {
                let (left, right) = pair(self);
                format!("{left} IS {}DISTINCT FROM {right}", self.pick(&["", "NOT "]))
            }
            6 => {
                let (low, high) = pair(self);
                let value = self.expr(ty, scope, deeper);
                format!(
                    "{value} {}BETWEEN {}{low} AND {high}",
                    self.pick(&["", "NOT "]),
                    self.pick(&["", "SYMMETRIC "])
                )
            }
            7 => {
                let (first, second) = pair(self);
                let value = self.expr(ty, scope, deeper);
                format!("{value} {}IN ({first}, {second})", self.pick(&["", "NOT "]))
            }
            8 => {
                let (a, b) = pair(self);
                let (c, d) = (self.expr(Int, scope, deeper), self.expr(Int, scope, deeper));
                format!("({a}, {c}) {} ({b}, {d})", self.pick(&["=", "<>", "<", ">="]))
            }
            9 => format!("{} IS {}TRUE", self.condition(scope, deeper), self.pick(&["", "NOT "])),
            10..14 => format!(
                "({} {} {})",
                self.condition(scope, deeper),
                self.pick(&["AND", "OR"]),
                self.condition(scope, deeper)
            ),
            14 => format!("NOT {}", self.condition(scope, deeper)),
            15..17 => {
                let (sql, _) = self.query(deeper, &scope.inside(), None);
                format!("{}EXISTS ({sql})", self.pick(&["", "NOT "]))
            }
            17..19 => {
                let value = self.expr(ty, scope, deeper);
                let (sql, _) = self.query(deeper, &scope.inside(), Some(&[ty]));
                format!("{value} {}IN ({sql})", self.pick(&["", "NOT "]))
            }
            19 => {
                let (a, b) = (self.expr(ty, scope, deeper), self.expr(Int, scope, deeper));
                let (sql, _) = self.query(deeper, &scope.inside(), Some(&[ty, Int]));
                format!("({a}, {b}) {}IN ({sql})", self.pick(&["", "NOT "]))
            }
            _ => {
                let value = self.expr(ty, scope, deeper);
                let (sql, _) = self.query(deeper, &scope.inside(), Some(&[ty]));
                let operator = self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                format!("{value} {operator} {} ({sql})", self.pick(&["ANY", "ALL"]))
            }
        }
    }
}
