use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, LogicalTableSource, col, lit};
use std::sync::Arc;

use super::order;

/// A table with columns `<name>x` and `<name>y`, of whose size nothing is known.
fn table(name: &str) -> LogicalPlanBuilder {
    let field = |column: &str| Field::new(format!("{name}{column}"), DataType::Int64, true);
    let schema = Arc::new(Schema::new(vec![field("x"), field("y")]));
    LogicalPlanBuilder::scan(name, Arc::new(LogicalTableSource::new(schema)), None).unwrap()
}

fn joined(left: LogicalPlanBuilder, right: LogicalPlanBuilder, kind: JoinType, on: [&str; 2]) -> LogicalPlanBuilder {
    let condition: Expr = col(on[0]).eq(col(on[1]));
    left.join_on(right.build().unwrap(), kind, [condition]).unwrap()
}

/// The joins and the tables, from the top down.
fn shape(plan: &LogicalPlan) -> String {
    match plan {
        LogicalPlan::TableScan(scan) => scan.table_name.to_string(),
        LogicalPlan::Join(join) => format!("{:?}({} {})", join.join_type, shape(&join.left), shape(&join.right)),
        other => other.inputs().into_iter().map(shape).collect(),
    }
}

fn check(plan: LogicalPlanBuilder, expected: &str) {
    let plan = plan.build().unwrap();
    let ordered = order(plan.clone()).unwrap();
    assert_eq!(shape(&ordered), expected);
    assert_eq!(ordered.schema().columns(), plan.schema().columns());
    assert_eq!(order(ordered.clone()).unwrap(), ordered, "it is in order now");
}

#[test]
fn what_leaves_few_rows_is_joined_first() {
    let few = table("c").filter(col("cy").eq(lit(1_i64))).unwrap();
    let first = joined(table("a"), table("b"), JoinType::Inner, ["ax", "bx"]);
    check(joined(first, few, JoinType::Inner, ["by", "cx"]), "Inner(a Inner(c b))");
}

#[test]
fn a_product_of_all_rows_comes_last() {
    let few = table("c").filter(col("cy").eq(lit(1_i64))).unwrap();
    let product = table("a").cross_join(few.build().unwrap()).unwrap();
    check(joined(product, table("b"), JoinType::Inner, ["ax", "bx"]), "Inner(c Inner(a b))");
}

#[test]
fn a_semijoin_goes_down_to_the_leaf_that_it_asks() {
    let first = joined(table("a"), table("b"), JoinType::Inner, ["ax", "bx"]);
    let few = || table("c").filter(col("cy").eq(lit(1_i64))).unwrap();
    check(joined(first.clone(), few(), JoinType::LeftSemi, ["bx", "cx"]), "Inner(RightSemi(c b) a)");
    check(joined(first.clone(), table("c"), JoinType::LeftAnti, ["bx", "cx"]), "Inner(LeftAnti(b c) a)");
    // One that asks for columns of both stays above.
    let both = col("ay").eq(col("cx")).and(col("by").eq(col("cy")));
    let both = first.join_on(table("c").build().unwrap(), JoinType::LeftSemi, [both]).unwrap();
    check(both, "RightSemi(c Inner(a b))");
}

#[test]
fn outer_joins_stay_where_they_are() {
    let outer = joined(table("a"), table("b"), JoinType::Left, ["ax", "bx"]);
    check(joined(outer, table("c"), JoinType::Inner, ["by", "cx"]), "Inner(Left(a b) c)");
}
