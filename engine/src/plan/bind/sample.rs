//! TABLESAMPLE: rows of a table picked by chance.
//!
//! Each row is in the sample with the probability that is asked for. With REPEATABLE its key and the seed decide, so that
//! the same rows are picked again while nobody changes them. SYSTEM, which picks blocks in PostgreSQL, picks rows.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::from::FromItem;
use super::policy::{behind, filtered, is_behind, taken_from_behind};
use super::position::Start;
use super::{Binder, Clause, Place, Scope};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::{PICKED, PICKED_AGAIN, check_percentage, check_seed};
use crate::plan::relation::{Relation, RowIdentity};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// What a sample leaves of a table.
    pub(super) fn sampled(&mut self, item: FromItem, sample: &ast::TableSampleKind, name: Span) -> Result<FromItem> {
        let FromItem { relation, scope, lateral } = item;
        let taken = match relation {
            Relation::Scan(scan) => Some((scan, None)),
            other if is_behind(&other) => taken_from_behind(other).map(|(scan, policies)| (scan, Some(policies))),
            _ => None,
        };
        let Some((mut scan, policies)) = taken else {
            let words = "TABLESAMPLE clause can only be applied to tables and materialized views";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).at(self.position(name)));
        };
        let (ast::TableSampleKind::BeforeTableAlias(sample) | ast::TableSampleKind::AfterTableAlias(sample)) = sample;
        let ast::TableSample { modifier: _, name: method, quantity, seed, bucket, offset } = &**sample;
        let (Some(ast::TableSampleMethod::Bernoulli | ast::TableSampleMethod::System), Some(quantity)) =
            (method, quantity)
        else {
            return Err(Error::unsupported("this method of TABLESAMPLE").at(self.position(name)));
        };
        if quantity.unit.is_some() || !quantity.parenthesized || bucket.is_some() || offset.is_some() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error in TABLESAMPLE").at(self.position(name)));
        }
        let percentage = self.sample_argument(&quantity.value, oid::FLOAT4, "TABLESAMPLE")?;
        if let Some(value) = percentage.as_const() {
            check_percentage(value)?;
        }
        let mut args = vec![percentage];
        if let Some(seed) = seed {
            let seed = self.sample_argument(&ast::Expr::Value(seed.value.clone()), oid::FLOAT8, "REPEATABLE")?;
            if let Some(value) = seed.as_const() {
                check_seed(value)?;
            }
            let key = match scan.row_identity {
                Some(identity) => identity.key,
                None => {
                    let key = self.fresh(Type::new(oid::BYTEA));
                    scan.row_identity = Some(RowIdentity { key, version: self.fresh(Type::new(oid::INT8)) });
                    key
                }
            };
            args.extend([seed, Expr::column(key.var, key.ty)]);
        }
        let function = if seed.is_some() { &PICKED_AGAIN } else { &PICKED };
        let predicate = Expr::new(ExprKind::Call { function, args }, Type::new(oid::BOOL));
        let relation = match policies {
            Some(policies) => filtered(behind(scan, policies), predicate),
            None => Relation::Filter { input: Box::new(Relation::Scan(scan)), predicate },
        };
        Ok(FromItem { relation, scope, lateral })
    }

    fn sample_argument(&mut self, expr: &ast::Expr, ty: u32, clause: &str) -> Result<Expr> {
        let scope = Scope::empty();
        let bound = self.bind(expr, Place { scope: &scope, clause: Clause::FromFunction })?;
        if matches!(bound.kind, ExprKind::Const(Value::Null)) {
            return Ok(Expr::constant(Value::Null, Type::new(ty)));
        }
        self.specific(bound, Type::new(ty), clause, expr.start())
    }
}
