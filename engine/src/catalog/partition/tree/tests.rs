use std::ops::Bound as Side;
use std::sync::Arc;

use storage::{GenerationId, Value};

use super::*;
use crate::catalog::partition::{Limit, PartitionKey, PartitionOf, Partitioning};
use crate::catalog::{Change, Table, TableColumn, TableKind, empty_storage};
use crate::types::{Type, oid};

const UNKNOWN: Known<'static> = Known { equal: None, lower: Side::Unbounded, upper: Side::Unbounded };

fn table(number: u32, name: &str, key: Option<(Strategy, &[u16])>, of: Option<(u32, Bound)>) -> Change {
    let columns = [("a", oid::INT4), ("b", oid::TEXT)];
    let table = Table {
        oid: number,
        schema: 2200,
        name: name.to_owned(),
        owner: 10,
        acl: None,
        kind: TableKind::Table,
        column_acls: Default::default(),
        class: Default::default(),
        materialized: None,
        temporary: None,
        unlogged: false,
        columns: (1..)
            .zip(columns)
            .map(|(number, (name, ty))| TableColumn {
                number,
                name: name.to_owned(),
                ty: Type::new(ty),
                not_null: false,
                default: None,
                identity: None,
                generated: false,
                local: true,
                comment: None,
                hints: Default::default(),
            })
            .collect(),
        last_column: 2,
        constraints: Vec::new(),
        indexes: Vec::new(),
        options: Vec::new(),
        comment: None,
        partitioning: Partitioning {
            key: key.map(|(strategy, columns)| PartitionKey {
                strategy,
                columns: columns.to_vec(),
                expressions: Vec::new(),
                derived: Default::default(),
            }),
            of: of.map(|(parent, bound)| PartitionOf { parent, bound }),
        },
        inherits: Vec::new(),
        replica_identity: Default::default(),
        security: None,
        triggers: Vec::new(),
        version: 1,
        storage: empty_storage(number, GenerationId(number)),
    };
    Change::Table(number, Some(Arc::new(table)))
}

fn tree(changes: &[Change]) -> PartitionTree {
    let mut catalog = Catalog::default();
    changes.iter().for_each(|change| catalog.apply(change));
    catalog.partition_tree(&catalog.tables[&1]).expect("table 1 is partitioned")
}

fn at(value: i32) -> Limit {
    Limit::Value(Value::Int4(value))
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

/// Ranges of `a`; the second is divided by `b`, the last takes the rest.
fn ranges() -> PartitionTree {
    let range = |from, to| Bound::Range { from: vec![from], to: vec![to] };
    tree(&[
        table(1, "t", Some((Strategy::Range, &[1])), None),
        table(2, "low", None, Some((1, range(Limit::Min, at(0))))),
        table(3, "middle", Some((Strategy::List, &[2])), Some((1, range(at(0), at(10))))),
        table(4, "high", None, Some((1, range(at(10), Limit::Max)))),
        table(5, "x", None, Some((3, Bound::List(vec![text("x"), Value::Null])))),
        table(6, "y", None, Some((3, Bound::List(vec![text("y")])))),
        table(7, "rest", None, Some((1, Bound::Default))),
    ])
}

fn placed(tree: &PartitionTree, a: Value, b: Value) -> String {
    let row = [a, b];
    match tree.place(|position| &row[position]) {
        Ok(leaf) => tree.leaves()[leaf].name.clone(),
        Err(Misplaced::Nowhere { table, .. }) => format!("none of {}", table.name),
        Err(Misplaced::Failed(error)) => error.to_string(),
    }
}

#[test]
fn a_row_goes_down_to_a_leaf() {
    let tree = ranges();
    let check = |a: Option<i32>, b: Option<&str>, expected: &str| {
        assert_eq!(placed(&tree, a.map_or(Value::Null, Value::Int4), b.map_or(Value::Null, text)), expected);
    };
    check(Some(-1), None, "low");
    check(Some(0), Some("x"), "x");
    check(Some(9), None, "x");
    check(Some(9), Some("y"), "y");
    check(Some(9), Some("z"), "none of middle");
    check(Some(10), None, "high");
    check(None, None, "rest");
}

#[test]
fn conditions_leave_the_partitions_that_may_have_rows() {
    let tree = ranges();
    let check = |a: Known<'_>, b: Known<'_>, expected: &[&str]| {
        let kept = tree.prune(&|position| if position == 0 { a } else { b });
        let names: Vec<&str> = kept.into_iter().map(|leaf| tree.leaves()[leaf].name.as_str()).collect();
        assert_eq!(names, expected);
    };
    let (nine, ten, y) = (Value::Int4(9), Value::Int4(10), [text("y")]);
    let (several, one) = ([Value::Int4(-5), Value::Int4(12)], [Value::Int4(3)]);
    check(UNKNOWN, UNKNOWN, &["low", "x", "y", "high", "rest"]);
    check(Known { equal: Some(&several), ..UNKNOWN }, UNKNOWN, &["low", "high"]);
    check(Known { equal: Some(&one), ..UNKNOWN }, Known { equal: Some(&y), ..UNKNOWN }, &["y"]);
    check(Known { lower: Side::Included(&ten), ..UNKNOWN }, UNKNOWN, &["high", "rest"]);
    check(Known { upper: Side::Excluded(&ten), ..UNKNOWN }, UNKNOWN, &["low", "x", "y", "rest"]);
    check(Known { upper: Side::Included(&ten), ..UNKNOWN }, UNKNOWN, &["low", "x", "y", "high", "rest"]);
    check(Known { lower: Side::Included(&nine), upper: Side::Excluded(&ten), ..UNKNOWN }, UNKNOWN, &["x", "y", "rest"]);
    check(Known { equal: Some(&[]), ..UNKNOWN }, UNKNOWN, &[]);
}

#[test]
fn ranges_over_several_columns_are_ordered_column_by_column() {
    let pair = |a: i32, b: &str| vec![at(a), Limit::Value(text(b))];
    let tree = tree(&[
        table(1, "t", Some((Strategy::Range, &[1, 2])), None),
        table(2, "first", None, Some((1, Bound::Range { from: pair(1, "m"), to: vec![at(3), Limit::Min] }))),
        table(
            3,
            "second",
            None,
            Some((1, Bound::Range { from: vec![at(3), Limit::Min], to: vec![at(3), Limit::Max] })),
        ),
    ]);
    let check = |a: i32, b: &str, expected: &str| assert_eq!(placed(&tree, Value::Int4(a), text(b)), expected);
    check(1, "a", "none of t");
    check(1, "m", "first");
    check(2, "", "first");
    check(3, "", "second");
    check(3, "zzz", "second");
    check(4, "", "none of t");
    let three = Value::Int4(3);
    let known = Known { upper: Side::Excluded(&three), ..UNKNOWN };
    assert_eq!(tree.prune(&|position| if position == 0 { known } else { UNKNOWN }), [0]);
    let known = Known { equal: Some(std::slice::from_ref(&three)), ..UNKNOWN };
    assert_eq!(tree.prune(&|position| if position == 0 { known } else { UNKNOWN }), [1]);
}

#[test]
fn a_hash_never_changes() {
    let values = [Value::Int4(1), text("a")];
    assert_eq!(hash(values.iter()), HASH_OF_ONE_AND_A);
    assert_eq!(hash([Value::Null].iter()), HASH_OF_NULL);
}

/// Stored rows lie where these numbers sent them.
const HASH_OF_ONE_AND_A: u64 = 0xae59_7890_a947_8813;
const HASH_OF_NULL: u64 = 0x2408_7fa6_bb7b_a314;

#[test]
fn hashed_rows_spread_over_the_partitions() {
    let part = |remainder| Some((1, Bound::Hash { modulus: 4, remainder }));
    let tree = tree(&[
        table(1, "t", Some((Strategy::Hash, &[1])), None),
        table(2, "p0", None, part(0)),
        table(3, "p1", None, part(1)),
        table(4, "p2", None, part(2)),
        table(5, "p3", None, part(3)),
    ]);
    let mut counts = [0; 4];
    for a in 0..10_000 {
        let row = [Value::Int4(a), Value::Null];
        counts[tree.place(|position| &row[position]).expect("every remainder has a partition")] += 1;
    }
    assert!(counts.iter().all(|count| (2_300..2_700).contains(count)), "{counts:?}");
}
