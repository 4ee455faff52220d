//! Relations built by hand, run through DataFusion, compared with what PostgreSQL answers.

use std::sync::Arc;

use futures::StreamExt;
use storage::{Array, ColumnType, Numeric, Store, StoreOptions, Value};

use crate::catalog::Catalog;
use crate::error::{Error, Result, SqlState};
use crate::execute::query::{QueryEnvironment, QueryOptions, run_relation};
use crate::expr::{
    AggregateCall, ColumnVar, Exclusion, Expr, ExprKind, Frame, FrameBound, FrameUnit, SortKey, Subquery, SubqueryKind,
    WindowCall,
};
use crate::function::{
    AggregateFunction, AggregateKind, Arithmetic, Batch, Comparison, Eval, EvalContext, Function, SessionFacts,
    TableFunction, Volatility, WindowFunction,
};
use crate::plan::relation::{Column, JoinKind, Relation, SetKind};
use crate::types::{Type, oid};

const INT4: Type = Type::new(oid::INT4);
const INT8: Type = Type::new(oid::INT8);
const BOOL: Type = Type::new(oid::BOOL);
const TEXT: Type = Type::new(oid::TEXT);
const NUMERIC: Type = Type::new(oid::NUMERIC);
const FLOAT8: Type = Type::new(oid::FLOAT8);

const fn function(name: &'static str, returns: u32, eval: Eval, batch: Batch) -> Function {
    Function {
        oid: 1,
        name,
        args: &[oid::INT4, oid::INT4],
        variadic: false,
        returns,
        strict: true,
        volatility: Volatility::Immutable,
        eval,
        batch: Some(batch),
    }
}

fn column_wise(_context: &EvalContext, _args: &[Value]) -> Result<Value> {
    Err(Error::internal("not to be evaluated row by row"))
}

fn differ(_context: &EvalContext, args: &[Value]) -> Result<Value> {
    Ok(Value::Bool(args[0] != args[1]))
}

fn greater(_context: &EvalContext, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int4(left), Value::Int4(right)] => Ok(Value::Bool(left > right)),
        _ => Err(Error::internal("not int4")),
    }
}

fn divide(_context: &EvalContext, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int4(_), Value::Int4(0)] => Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")),
        [Value::Int4(left), Value::Int4(right)] => Ok(Value::Int4(left / right)),
        _ => Err(Error::internal("not int4")),
    }
}

static EQ: Function = function("int4eq", oid::BOOL, column_wise, Batch::Compare(Comparison::Equal));
static NE: Function = function("int4ne", oid::BOOL, differ, Batch::Compare(Comparison::NotEqual));
static LT: Function = function("int4lt", oid::BOOL, column_wise, Batch::Compare(Comparison::Less));
static GT: Function = function("int4gt", oid::BOOL, greater, Batch::Compare(Comparison::Greater));
static KEY_EQ: Function = function("numeric_eq", oid::BOOL, column_wise, Batch::CompareKey(Comparison::Equal));
static ADD: Function = function("int4pl", oid::INT4, column_wise, Batch::Arithmetic(Arithmetic::Add));
static DIV: Function = function("int4div", oid::INT4, divide, Batch::Arithmetic(Arithmetic::Divide));

macro_rules! aggregates {
    ($($name:ident $kind:ident $returns:ident;)*) => {
        $(static $name: AggregateFunction = AggregateFunction {
            oid: 1, name: stringify!($name), args: &[], returns: oid::$returns, kind: AggregateKind::$kind,
        };)*
    };
}

aggregates! {
    COUNT CountStar INT8;
    SUM Sum INT8;
    AVG Avg NUMERIC;
    MIN Min NUMERIC;
    MAX Max FLOAT8;
    ARRAY_AGG ArrayAgg INT4_ARRAY;
    STRING_AGG StringAgg TEXT;
    STDDEV StddevSamp NUMERIC;
}

static SERIES: TableFunction = TableFunction {
    oid: 1,
    name: "generate_series",
    args: &[oid::INT4, oid::INT4],
    columns: &[("generate_series", oid::INT4)],
    eval: |_, args| match args {
        [Value::Int4(from), Value::Int4(to)] => Ok(Box::new((*from..=*to).map(|value| Ok(vec![Value::Int4(value)])))),
        _ => Ok(Box::new(std::iter::empty())),
    },
};

fn column(number: u32, ty: Type) -> Column {
    Column { var: ColumnVar(number), ty }
}

fn var(number: u32, ty: Type) -> Expr {
    Expr::column(ColumnVar(number), ty)
}

fn outer(number: u32, ty: Type) -> Expr {
    Expr::new(ExprKind::OuterColumn { var: ColumnVar(number), depth: 1 }, ty)
}

fn int4(value: i32) -> Expr {
    Expr::constant(Value::Int4(value), INT4)
}

fn call(function: &'static Function, left: Expr, right: Expr) -> Expr {
    Expr::new(ExprKind::Call { function, args: vec![left, right] }, Type::new(function.returns))
}

fn numeric(text: &str) -> Value {
    Value::Numeric(Box::new(Numeric::parse(text).unwrap()))
}

fn values(columns: &[Column], rows: Vec<Vec<Value>>) -> Relation {
    let rows = rows
        .into_iter()
        .map(|row| row.into_iter().zip(columns).map(|(value, column)| Expr::constant(value, column.ty)).collect())
        .collect();
    Relation::Values { columns: columns.to_vec(), rows }
}

/// A relation of one int4 column; None is NULL.
fn ints(number: u32, items: &[Option<i32>]) -> Relation {
    values(&[column(number, INT4)], items.iter().map(|item| vec![item.map_or(Value::Null, Value::Int4)]).collect())
}

fn project(input: Relation, columns: Vec<(Column, Expr)>) -> Relation {
    Relation::Project { input: Box::new(input), columns }
}

fn filter(input: Relation, predicate: Expr) -> Relation {
    Relation::Filter { input: Box::new(input), predicate }
}

fn sort(input: Relation, expr: Expr) -> Relation {
    Relation::Sort { input: Box::new(input), keys: vec![SortKey { expr, descending: false, nulls_first: false }] }
}

fn aggregate(function: &'static AggregateFunction, args: Vec<Expr>) -> AggregateCall {
    AggregateCall { function, args, distinct: false, filter: None, order_by: Vec::new() }
}

fn subquery(kind: SubqueryKind, relation: Relation, output: u32, ty: Type) -> Expr {
    let output = Some(ColumnVar(output));
    Expr::new(
        ExprKind::Subquery(Box::new(Subquery { kind, relation: Arc::new(relation), output, correlated: true })),
        ty,
    )
}

fn context() -> EvalContext {
    EvalContext {
        read_only: false,
        discreet: false,
        transaction_time: 0,
        statement_time: 0,
        session: Arc::new(SessionFacts {
            session_user: "postgres".to_owned(),
            current_user: "postgres".to_owned(),
            current_role: auth::RoleId(10),
            database: "postgres".to_owned(),
            temporary: None,
            search_path: Vec::new(),
            process_id: 1,
            client_address: None,
            server: Default::default(),
            sequences: Arc::default(),
            advisory: Arc::default(),
            transaction: std::sync::Arc::default(),
            sessions: Default::default(),
            snapshots: Default::default(),
            sleeps: Arc::default(),
            random: Arc::default(),
            cursors: Arc::default(),
            requests: Arc::default(),
            triggers: Arc::default(),
            channels: Arc::default(),
            format: crate::types::text::Format::default(),
            settings: Arc::new(crate::session::settings::Settings::default()),
        }),
        catalog: Arc::new(Catalog::default()),
        params: Arc::from([]),
        written: Arc::default(),
        kept: None,
        bodies: None,
    }
}

fn run(relation: &Relation) -> Result<Vec<Vec<Value>>> {
    let options = QueryOptions { threads: 2, memory_bytes: 64 << 20, ..QueryOptions::default() };
    let environment = QueryEnvironment::new(options).unwrap();
    let store = Store::in_memory(StoreOptions::default());
    let mut stream = run_relation(relation, &relation.outputs(), &context(), store.view(), &environment)?;
    environment.handle().clone().block_on(async move {
        let mut rows = Vec::new();
        while let Some(batch) = stream.next().await {
            rows.extend(batch?.into_values());
        }
        Ok(rows)
    })
}

/// Rows as text, sorted unless the relation sorts them.
fn check(relation: &Relation, expected: &[&str]) {
    let mut rows: Vec<String> =
        run(relation).unwrap().iter().map(|row| row.iter().map(show).collect::<Vec<_>>().join("|")).collect();
    if !matches!(relation, Relation::Sort { .. }) {
        rows.sort();
    }
    assert_eq!(rows, expected);
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int4(value) => value.to_string(),
        Value::Int8(value) => value.to_string(),
        Value::Float8(value) => value.to_string(),
        Value::Numeric(value) => value.to_string(),
        Value::Text(value) => value.to_string(),
        Value::Array(array) => format!("{{{}}}", array.values.iter().map(show).collect::<Vec<_>>().join(",")),
        other => format!("{other:?}"),
    }
}

fn state_of(relation: &Relation) -> &'static str {
    run(relation).unwrap_err().sql_state().0
}

#[test]
fn filters_and_projects() {
    let input = ints(1, &[Some(1), Some(2), None, Some(3)]);
    let kept = filter(input, call(&GT, var(1, INT4), int4(1)));
    check(&project(kept, vec![(column(2, INT4), call(&ADD, var(1, INT4), int4(10)))]), &["12", "13"]);
}

#[test]
fn overflow_is_an_error_with_its_code() {
    let input = ints(1, &[Some(i32::MAX), Some(2)]);
    let sum = project(input, vec![(column(2, INT4), call(&ADD, var(1, INT4), int4(1)))]);
    assert_eq!(state_of(&sum), "22003");
}

#[test]
fn a_guarded_division_is_not_evaluated() {
    let input = ints(1, &[Some(0), Some(2), Some(5)]);
    let not_zero = call(&NE, var(1, INT4), int4(0));
    let divided = call(&GT, call(&DIV, int4(10), var(1, INT4)), int4(3));
    let both = Expr::new(ExprKind::And(vec![not_zero.clone(), divided]), BOOL);
    check(&filter(input.clone(), both), &["2"]);
    let case = ExprKind::Case { whens: vec![(not_zero, call(&DIV, int4(10), var(1, INT4)))], otherwise: None };
    check(&project(input.clone(), vec![(column(2, INT4), Expr::new(case, INT4))]), &["-", "2", "5"]);
    let unguarded = project(input, vec![(column(2, INT4), call(&DIV, int4(10), var(1, INT4)))]);
    assert_eq!(state_of(&unguarded), "22012");
}

#[test]
fn numerics_join_and_group_by_value() {
    let left = values(&[column(1, NUMERIC)], vec![vec![numeric("1.0")], vec![numeric("2.50")], vec![Value::Null]]);
    let right =
        values(&[column(2, NUMERIC)], vec![vec![numeric("1.000")], vec![numeric("2.5")], vec![numeric("2.500")]]);
    let joined = Relation::Join {
        kind: JoinKind::Left,
        left: Box::new(left),
        right: Box::new(right.clone()),
        condition: Some(call(&KEY_EQ, var(1, NUMERIC), var(2, NUMERIC))),
        lateral: false,
    };
    check(&joined, &["-|-", "1.0|1.000", "2.50|2.5", "2.50|2.500"]);
    let grouped = Relation::Aggregate {
        input: Box::new(right),
        groups: vec![(column(3, NUMERIC), var(2, NUMERIC))],
        sets: None,
        aggregates: vec![(column(4, INT8), aggregate(&COUNT, Vec::new()))],
    };
    check(&grouped, &["1.000|1", "2.5|2"]);
}

#[test]
fn aggregates_have_postgresql_types() {
    let input = ints(1, &[Some(1), Some(2), None, Some(2)]);
    let of = |function| aggregate(function, vec![var(1, INT4)]);
    let mut distinct = of(&ARRAY_AGG);
    distinct.distinct = true;
    let mut ordered = of(&ARRAY_AGG);
    ordered.order_by = vec![SortKey { expr: var(1, INT4), descending: true, nulls_first: true }];
    let all = Relation::Aggregate {
        input: Box::new(input),
        groups: Vec::new(),
        sets: None,
        aggregates: vec![
            (column(2, INT8), aggregate(&COUNT, Vec::new())),
            (column(3, INT8), of(&SUM)),
            (column(4, NUMERIC), of(&AVG)),
            (column(5, Type::new(oid::INT4_ARRAY)), distinct),
            (column(6, Type::new(oid::INT4_ARRAY)), ordered),
            (column(7, NUMERIC), of(&STDDEV)),
        ],
    };
    check(&all, &["4|5|1.6666666666666667|{1,2,-}|{-,2,2,1}|0.57735026918962576451"]);
}

#[test]
fn extremes_of_floats_and_numerics() {
    let rows = vec![
        vec![Value::Float8(1.5), numeric("10")],
        vec![Value::Float8(f64::NAN), numeric("9.50")],
        vec![Value::Float8(-2.0), Value::Null],
    ];
    let input = values(&[column(1, FLOAT8), column(2, NUMERIC)], rows);
    let all = Relation::Aggregate {
        input: Box::new(input.clone()),
        groups: Vec::new(),
        sets: None,
        aggregates: vec![
            (column(3, FLOAT8), aggregate(&MAX, vec![var(1, FLOAT8)])),
            (column(4, NUMERIC), aggregate(&MIN, vec![var(2, NUMERIC)])),
            (column(5, NUMERIC), aggregate(&SUM, vec![var(2, NUMERIC)])),
        ],
    };
    check(&all, &["NaN|9.50|19.50"]);
    check(&project_first(sort(input, var(1, FLOAT8))), &["-2", "1.5", "NaN"]);
}

/// Keeps the order: a sort stays on top.
fn project_first(sorted: Relation) -> Relation {
    let Relation::Sort { input, keys } = sorted else { panic!("not sorted") };
    let first = input.outputs()[0];
    Relation::Sort { input: Box::new(project(*input, vec![(first, Expr::column(first.var, first.ty))])), keys }
}

#[test]
fn text_is_joined_in_order() {
    let rows = ["b", "a", "c"].map(|text| vec![Value::Text(text.into())]).to_vec();
    let input = values(&[column(1, TEXT)], rows);
    let delimiter = Expr::constant(Value::Text(", ".into()), TEXT);
    let mut call = aggregate(&STRING_AGG, vec![var(1, TEXT), delimiter]);
    call.order_by = vec![SortKey { expr: var(1, TEXT), descending: false, nulls_first: false }];
    let joined = Relation::Aggregate {
        input: Box::new(input),
        groups: Vec::new(),
        sets: None,
        aggregates: vec![(column(2, TEXT), call)],
    };
    check(&joined, &["a, b, c"]);
}

#[test]
fn set_operations_match_nulls_and_count() {
    let left = || Box::new(ints(1, &[Some(1), Some(1), Some(2), None, None]));
    let right = || Box::new(ints(2, &[Some(1), None, Some(3)]));
    let operation =
        |kind, all| Relation::SetOperation { kind, all, columns: vec![column(3, INT4)], left: left(), right: right() };
    check(&operation(SetKind::Union, false), &["-", "1", "2", "3"]);
    check(&operation(SetKind::Intersect, false), &["-", "1"]);
    check(&operation(SetKind::Intersect, true), &["-", "1"]);
    check(&operation(SetKind::Except, false), &["2"]);
    check(&operation(SetKind::Except, true), &["-", "1", "2"]);
}

#[test]
fn a_correlated_scalar_subquery_answers_one_row_or_fails() {
    let inner = |rows: &[Option<i32>]| filter(ints(2, rows), call(&EQ, var(2, INT4), outer(1, INT4)));
    let asking = |rows: &[Option<i32>]| {
        let value = subquery(SubqueryKind::Scalar, inner(rows), 2, INT4);
        project(ints(1, &[Some(1), Some(2)]), vec![(column(5, INT4), var(1, INT4)), (column(6, INT4), value)])
    };
    check(&asking(&[Some(1), Some(3)]), &["1|1", "2|-"]);
    assert_eq!(state_of(&asking(&[Some(1), Some(1)])), "21000");
}

#[test]
fn a_correlated_count_is_zero_for_no_rows() {
    for comparison in [&EQ, &LT] {
        let rows = filter(ints(2, &[Some(1), Some(1), Some(3)]), call(comparison, var(2, INT4), outer(1, INT4)));
        let count = Relation::Aggregate {
            input: Box::new(rows),
            groups: Vec::new(),
            sets: None,
            aggregates: vec![(column(3, INT8), aggregate(&COUNT, Vec::new()))],
        };
        let asked = project(
            ints(1, &[Some(1), Some(2), None]),
            vec![(column(5, INT4), var(1, INT4)), (column(6, INT8), subquery(SubqueryKind::Scalar, count, 3, INT8))],
        );
        let expected: &[&str] =
            if std::ptr::eq(comparison, &EQ) { &["-|0", "1|2", "2|0"] } else { &["-|0", "1|0", "2|2"] };
        check(&asked, expected);
    }
}

#[test]
fn membership_knows_null() {
    let kind = |function, all| SubqueryKind::Compare { left: var(1, INT4), function, all };
    let rows = [Some(1), Some(2), None];
    let candidates = |with_null: bool| if with_null { ints(2, &[Some(1), None]) } else { ints(2, &[Some(1)]) };
    let value = |function, all, with_null| {
        let asked = subquery(kind(function, all), candidates(with_null), 2, BOOL);
        project(ints(1, &rows), vec![(column(5, INT4), var(1, INT4)), (column(6, BOOL), asked)])
    };
    check(&value(&EQ, false, true), &["-|-", "1|true", "2|-"]);
    check(&value(&EQ, false, false), &["-|-", "1|true", "2|false"]);
    check(&value(&NE, true, true), &["-|-", "1|false", "2|-"]);
    check(&value(&LT, true, false), &["-|-", "1|false", "2|false"]);
    check(&filter(ints(1, &rows), subquery(kind(&NE, true), candidates(true), 2, BOOL)), &[]);
    check(&filter(ints(1, &rows), subquery(kind(&NE, true), candidates(false), 2, BOOL)), &["2"]);
    check(&filter(ints(1, &rows), subquery(kind(&NE, true), ints(2, &[]), 2, BOOL)), &["-", "1", "2"]);
    check(&filter(ints(1, &rows), subquery(kind(&EQ, false), candidates(true), 2, BOOL)), &["1"]);
}

#[test]
fn exists_as_condition_and_as_value() {
    let inner = || filter(ints(2, &[Some(1), Some(5)]), call(&GT, var(2, INT4), outer(1, INT4)));
    let exists = |negated| subquery(SubqueryKind::Exists { negated }, inner(), 2, BOOL);
    let rows = || ints(1, &[Some(0), Some(7), None]);
    check(&filter(rows(), exists(false)), &["0"]);
    check(&filter(rows(), exists(true)), &["-", "7"]);
    check(
        &project(rows(), vec![(column(5, INT4), var(1, INT4)), (column(6, BOOL), exists(false))]),
        &["-|false", "0|true", "7|false"],
    );
}

#[test]
fn an_array_of_a_correlated_subquery() {
    let inner = filter(ints(2, &[Some(3), Some(2), Some(1)]), call(&LT, var(2, INT4), outer(1, INT4)));
    let inner = sort(inner, var(2, INT4));
    let array = subquery(SubqueryKind::Array, inner, 2, Type::new(oid::INT4_ARRAY));
    let asked = project(
        ints(1, &[Some(1), Some(3)]),
        vec![(column(5, INT4), var(1, INT4)), (column(6, Type::new(oid::INT4_ARRAY)), array)],
    );
    check(&asked, &["1|{}", "3|{1,2}"]);
}

#[test]
fn a_lateral_limit_works_for_each_row() {
    let inner = filter(ints(2, &[Some(3), Some(2), Some(1)]), call(&LT, var(2, INT4), outer(1, INT4)));
    let inner = Relation::Limit {
        input: Box::new(sort(inner, var(2, INT4))),
        limit: Some(Expr::constant(Value::Int8(1), INT8)),
        offset: None,
        with_ties: false,
    };
    let joined = |kind| Relation::Join {
        kind,
        left: Box::new(ints(1, &[Some(1), Some(3), Some(4)])),
        right: Box::new(inner.clone()),
        condition: None,
        lateral: true,
    };
    check(&joined(JoinKind::Inner), &["3|1", "4|1"]);
    check(&joined(JoinKind::Left), &["1|-", "3|1", "4|1"]);
}

#[test]
fn set_returning_functions() {
    let series = |args: Vec<Expr>| Relation::Function {
        function: &SERIES,
        args,
        columns: vec![column(2, INT4)],
        ordinality: Some(column(3, INT8)),
    };
    check(&series(vec![int4(5), int4(6)]), &["5|1", "6|2"]);
    let lateral = Relation::Join {
        kind: JoinKind::Left,
        left: Box::new(ints(1, &[Some(0), Some(2)])),
        right: Box::new(series(vec![int4(1), outer(1, INT4)])),
        condition: None,
        lateral: true,
    };
    check(&lateral, &["0|-|-", "2|1|1", "2|2|2"]);
    let set = Relation::ProjectSet {
        input: Box::new(ints(1, &[Some(1), Some(2)])),
        functions: vec![
            (vec![column(2, INT4)], &SERIES, vec![int4(1), var(1, INT4)]),
            (vec![column(3, INT4)], &SERIES, vec![int4(1), int4(2)]),
        ],
        ordinality: Some(column(4, INT8)),
    };
    check(&set, &["1|-|2|2", "1|1|1|1", "2|1|1|1", "2|2|2|2"]);
}

#[test]
fn windows_rank_and_sum() {
    let input = ints(1, &[Some(1), Some(2), Some(2), Some(5)]);
    let over = |function, args: Vec<Expr>, unit, start| WindowCall {
        function,
        args,
        filter: None,
        partition_by: Vec::new(),
        order_by: vec![SortKey { expr: var(1, INT4), descending: false, nulls_first: false }],
        frame: Frame { unit, start, end: FrameBound::CurrentRow, exclusion: Exclusion::None },
    };
    let unbounded = || FrameBound::UnboundedPreceding;
    let preceding = FrameBound::Preceding(Box::new(Expr::constant(Value::Int8(1), INT8)));
    let calls = vec![
        (column(2, INT8), over(WindowFunction::Rank, Vec::new(), FrameUnit::Range, unbounded())),
        (column(3, INT8), over(WindowFunction::Aggregate(&SUM), vec![var(1, INT4)], FrameUnit::Range, unbounded())),
        (column(4, NUMERIC), over(WindowFunction::Aggregate(&AVG), vec![var(1, INT4)], FrameUnit::Rows, preceding)),
        (column(5, INT4), over(WindowFunction::Lag, vec![var(1, INT4)], FrameUnit::Range, unbounded())),
    ];
    let window = Relation::Window { input: Box::new(input), calls };
    check(
        &window,
        &[
            "1|1|1|1.00000000000000000000|-",
            "2|2|5|1.5000000000000000|1",
            "2|2|5|2.0000000000000000|2",
            "5|4|10|3.5000000000000000|2",
        ],
    );
}

#[test]
fn distinct_on_and_ties() {
    let rows = [(1, 5), (1, 3), (2, 9), (2, 9)].map(|(a, b)| vec![Value::Int4(a), Value::Int4(b)]).to_vec();
    let input = values(&[column(1, INT4), column(2, INT4)], rows);
    let on = Relation::Distinct { input: Box::new(sort(input.clone(), var(2, INT4))), on: vec![var(1, INT4)] };
    check(&on, &["1|3", "2|9"]);
    let ties = Relation::Limit {
        input: Box::new(sort(input, var(2, INT4))),
        limit: Some(Expr::constant(Value::Int8(1), INT8)),
        offset: Some(Expr::constant(Value::Int8(2), INT8)),
        with_ties: true,
    };
    check(&ties, &["2|9", "2|9"]);
}

#[test]
fn recursion_ends() {
    let base = ints(1, &[Some(1)]);
    let table: Arc<str> = "numbers".into();
    let working = Relation::WorkingTable { name: table.clone(), columns: vec![column(2, INT4)] };
    let step = project(
        filter(working, call(&LT, var(2, INT4), int4(4))),
        vec![(column(3, INT4), call(&ADD, var(2, INT4), int4(1)))],
    );
    for all in [true, false] {
        let recursive = Relation::Recursive {
            follow: 0,
            name: table.clone(),
            columns: vec![column(4, INT4)],
            all,
            base: Box::new(base.clone()),
            step: Box::new(step.clone()),
        };
        check(&recursive, &["1", "2", "3", "4"]);
    }
}

#[test]
fn grouping_sets_answer_the_empty_set_for_no_rows() {
    let sets = |rows: &[Option<i32>]| Relation::Aggregate {
        input: Box::new(ints(1, rows)),
        groups: vec![(column(2, INT4), var(1, INT4))],
        sets: Some(vec![vec![0], Vec::new()]),
        aggregates: vec![(column(3, INT8), aggregate(&COUNT, Vec::new()))],
    };
    check(&sets(&[Some(1), Some(1), Some(2)]), &["-|3", "1|2", "2|1"]);
    check(&sets(&[]), &["-|0"]);
}

#[test]
fn an_in_list_is_an_array_of_constants() {
    let array = Value::Array(Box::new(Array::new(ColumnType::Int4, vec![Value::Int4(1), Value::Null])));
    let array = Box::new(Expr::constant(array, Type::new(oid::INT4_ARRAY)));
    let compare = |function, all| {
        let kind = ExprKind::ArrayCompare { function, left: Box::new(var(1, INT4)), array: array.clone(), all };
        project(ints(1, &[Some(1), Some(2)]), vec![(column(2, BOOL), Expr::new(kind, BOOL))])
    };
    check(&compare(&EQ, false), &["-", "true"]);
    check(&compare(&NE, true), &["-", "false"]);
}
