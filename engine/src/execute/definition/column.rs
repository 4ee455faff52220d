//! Columns as they are written: name, type, NOT NULL, DEFAULT, and the constraints that stand at them.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    self, ColumnDef, ColumnOption, ColumnOptionDef, DataType, ObjectName, Spanned, visit_expressions_mut,
};

use super::constraint::Written;
use super::function::with_functions;
use super::rename::parsed;
use super::sequence::ColumnSequence;
use super::{DefinitionEnvironment, column_hint};
use crate::catalog::pg_catalog::{collation_named, collation_of_type};
use crate::catalog::sequence::next_value_text;
use crate::catalog::{Catalog, ColumnHints, Identity, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::bind::{Binder, Clause, Scope, fold};
use crate::statement::definition::{SequenceOptions, identity_options};
use crate::statement::{compression_in, position_in};
use crate::types::text::find_registered;
use crate::types::{self, Type, builtin};

/// PostgreSQL's `MaxHeapAttributeNumber`; columns that were dropped count.
const COLUMNS_MAX: u16 = 1600;

const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"];

/// A column as it is written.
pub(super) struct WrittenColumn<'a> {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) not_null: bool,
    pub(super) default: Option<&'a ast::Expr>,
    /// Serial and identity columns take their values from a sequence of their own.
    pub(super) sequence: Option<SequenceOptions>,
    pub(super) identity: Option<Identity>,
    /// GENERATED ALWAYS AS (…) STORED.
    pub(super) generated: Option<&'a ast::Expr>,
    pub(super) constraints: Vec<Written<'a>>,
    pub(super) hints: ColumnHints,
}

impl DefinitionEnvironment<'_> {
    /// Reads a column definition for a table of that name.
    pub(super) fn read_column<'a>(
        &self,
        catalog: &Catalog,
        table: &str,
        definition: &'a ColumnDef,
    ) -> Result<WrittenColumn<'a>> {
        let name = fold(&definition.name);
        check_name(&name)?;
        let serial = serial_type(&definition.data_type);
        let own = || self.storable_type(catalog, &name, &definition.data_type);
        let ty = serial.map_or_else(own, |ty| Ok(Type::new(ty)))?;
        self.check_collations(definition, ty)?;
        let column = WrittenColumn {
            ty,
            not_null: serial.is_some(),
            default: None,
            sequence: serial.map(|_| SequenceOptions::default()),
            identity: None,
            generated: None,
            constraints: Vec::new(),
            hints: ColumnHints { collation: collation_of_domain(catalog, ty), ..ColumnHints::default() },
            name,
        };
        read_options(table, definition, column)
    }

    /// An error if a column is to be compared otherwise than everything is here.
    fn check_collations(&self, definition: &ColumnDef, ty: Type) -> Result<()> {
        let binder = Binder::new(&self.context.catalog, self.context, &[]).with_text(self.text);
        for option in &definition.options {
            if let ColumnOption::Collation(collation) = &option.option {
                binder.check_collation(collation, ty)?;
            }
        }
        Ok(())
    }

    /// The oid of a collation for values of a type, if it is not the type's own.
    pub(super) fn checked_collation(&self, collation: &ObjectName, ty: Type) -> Result<Option<u32>> {
        Binder::new(&self.context.catalog, self.context, &[]).with_text(self.text).check_collation(collation, ty)?;
        Ok(other_collation(collation, ty))
    }

    /// Applies what PARTITION OF says of a column that the table has of its parent. Answers it with its constraints.
    pub(super) fn override_column<'a>(
        &self,
        catalog: &Arc<Catalog>,
        table: &mut Table,
        definition: &'a ColumnDef,
    ) -> Result<WrittenColumn<'a>> {
        let name = fold(&definition.name);
        let position = table
            .position_of(&name)
            .ok_or_else(|| Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")))?;
        let of_parent = WrittenColumn {
            name,
            ty: table.columns[position].ty,
            not_null: false,
            default: None,
            sequence: None,
            identity: None,
            generated: None,
            constraints: Vec::new(),
            hints: ColumnHints::default(),
        };
        let written = read_options(&table.name, definition, of_parent)?;
        if written.identity.is_some() {
            return Err(Error::unsupported("an identity column of a partition"));
        }
        if written.generated.is_some() {
            return Err(Error::unsupported("a generated column of a partition"));
        }
        let column = &mut table.columns[position];
        column.not_null |= written.not_null;
        if let Some(default) = written.default {
            let bound = self.bind_default(catalog, &written.name, column.ty, default)?;
            column.default = bound.map(|_| self.stored_default(catalog, default)).transpose()?;
        }
        Ok(written)
    }

    /// Adds the column to a table under construction, without its constraints. Answers its bound default.
    pub(super) async fn add_column(
        &mut self,
        catalog: &Arc<Catalog>,
        table: &mut Table,
        column: &WrittenColumn<'_>,
    ) -> Result<Option<Expr>> {
        self.hold_type(column.ty).await?;
        let number = table.last_column + 1;
        check_count(usize::from(number))?;
        let own;
        let default = match &column.sequence {
            Some(options) => {
                own = self.sequence_default(table, number, column, options).await?;
                Some(&own)
            }
            None => column.default,
        };
        let bound = match default {
            Some(value) => self.bind_default(catalog, &column.name, column.ty, value)?,
            None => None,
        };
        let default = match (&bound, default) {
            (Some(_), Some(value)) => Some(self.stored_default(catalog, value)?),
            // It is bound when all columns are there.
            _ => column.generated.map(ToString::to_string),
        };
        table.last_column = number;
        table.columns.push(TableColumn {
            number,
            name: column.name.clone(),
            ty: column.ty,
            not_null: column.not_null,
            default,
            identity: column.identity,
            generated: column.generated.is_some(),
            local: true,
            comment: None,
            hints: column.hints,
        });
        Ok(bound)
    }

    /// Makes the sequence of a column; answers the default that takes its values.
    pub(super) async fn sequence_default(
        &mut self,
        table: &Table,
        number: u16,
        column: &WrittenColumn<'_>,
        options: &SequenceOptions,
    ) -> Result<ast::Expr> {
        let sequence = ColumnSequence {
            table: table.oid,
            table_name: &table.name,
            schema: table.schema,
            owner: table.owner,
            number,
            column: &column.name,
            ty: column.ty,
        };
        let oid = self.create_column_sequence(&sequence, options).await?;
        parsed(&next_value_text(oid))
    }

    /// A default as the catalog keeps it: `nextval` of a name becomes that of an oid, so that the sequence can be renamed.
    pub(super) fn stored_default(&self, catalog: &Arc<Catalog>, value: &ast::Expr) -> Result<String> {
        let called = self.functions_in(catalog, |binder| binder.expr_in(value, &Scope::empty(), Clause::Default))?;
        let mut value = with_functions(self.with_type_schemas(catalog, value), &called);
        let path = &self.context.session.search_path;
        let changed = visit_expressions_mut(&mut value, |expression| {
            let Some(argument) = next_value_argument(expression) else { return ControlFlow::Continue(()) };
            let Some(name) = literal(argument) else { return ControlFlow::Continue(()) };
            match find_registered(&name, types::oid::REGCLASS, Some((catalog, path))) {
                Ok(oid) => {
                    *argument = ast::Expr::Cast {
                        kind: ast::CastKind::DoubleColon,
                        expr: Box::new(ast::Expr::value(ast::Value::SingleQuotedString(oid.to_string()))),
                        // Written as PostgreSQL writes it; the parser's own type is in capitals.
                        data_type: DataType::Custom(ObjectName::from(vec![ast::Ident::new("regclass")]), Vec::new()),
                        array: false,
                        format: None,
                    };
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(error),
            }
        });
        match changed {
            ControlFlow::Continue(()) => Ok(value.to_string()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// Binds a default for a column of this type. None: it is NULL, which is no default at all.
    pub(super) fn bind_default(
        &self,
        catalog: &Arc<Catalog>,
        column: &str,
        ty: Type,
        value: &ast::Expr,
    ) -> Result<Option<Expr>> {
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(self.text);
        let bound = binder.expr_in(value, &Scope::empty(), Clause::Default)?;
        let from = bound.ty;
        let bound = binder.assign(bound, ty, column, value.span()).map_err(|error| {
            if error.sql_state() != SqlState::DATATYPE_MISMATCH {
                return error;
            }
            let message = format!(
                "column \"{column}\" is of type {} but default expression is of type {}",
                types::display(ty),
                types::display(from)
            );
            Error::new(SqlState::DATATYPE_MISMATCH, message)
                .with_hint("You will need to rewrite or cast the expression.")
        })?;
        Ok(Some(bound).filter(|bound| !bound.as_const().is_some_and(storage::Value::is_null)))
    }
}

impl DefinitionEnvironment<'_> {
    /// The type of a column; an error if no column can be of it.
    pub(super) fn storable_type(&self, catalog: &Catalog, column: &str, data_type: &DataType) -> Result<Type> {
        let ty = types::from_ast(data_type, catalog, &self.context.session.search_path).map_err(|error| {
            let place = types::ast::start(data_type).filter(|_| error.position.is_none() && !self.text.is_empty());
            error.at(place.and_then(|start| position_in(self.text, start)))
        })?;
        check_storable(column, ty)?;
        Ok(ty)
    }
}

/// 42701 for a name that every table has a column of.
pub(super) fn check_name(name: &str) -> Result<()> {
    if SYSTEM_COLUMNS.contains(&name) {
        let message = format!("column name \"{name}\" conflicts with a system column name");
        return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
    }
    Ok(())
}

/// 54011 for more columns than a relation can have.
pub(super) fn check_count(columns: usize) -> Result<()> {
    if columns > usize::from(COLUMNS_MAX) {
        let message = format!("tables can have at most {COLUMNS_MAX} columns");
        return Err(Error::new(SqlState::TOO_MANY_COLUMNS, message));
    }
    Ok(())
}

/// An error if no column can be of the type.
pub(super) fn check_storable(column: &str, ty: Type) -> Result<()> {
    if builtin::info(ty.oid).is_some_and(|info| info.category == 'P' || info.oid == types::oid::UNKNOWN) {
        let message = format!("column \"{column}\" has pseudo-type {}", types::display(ty));
        return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    }
    types::column_type(ty)?;
    Ok(())
}

impl WrittenColumn<'_> {
    fn take_identity(
        &mut self,
        table: &str,
        generated_as: &ast::GeneratedAs,
        options: Option<&[ast::SequenceOptions]>,
    ) -> Result<()> {
        let refused = |message: String| Err(Error::new(SqlState::SYNTAX_ERROR, message));
        let name = &self.name;
        if self.identity.is_some() {
            return refused(format!("multiple identity specifications for column \"{name}\" of table \"{table}\""));
        }
        if self.default.is_some() || self.sequence.is_some() {
            return refused(format!("both default and identity specified for column \"{name}\" of table \"{table}\""));
        }
        if self.generated.is_some() {
            let message =
                format!("both identity and generation expression specified for column \"{name}\" of table \"{table}\"");
            return refused(message);
        }
        self.identity = Some(match generated_as {
            ast::GeneratedAs::Always => Identity::Always,
            ast::GeneratedAs::ByDefault => Identity::ByDefault,
            ast::GeneratedAs::ExpStored => return Err(Error::unsupported("a generated column")),
        });
        self.sequence = Some(identity_options(options.unwrap_or_default())?);
        self.not_null = true;
        Ok(())
    }
}

impl<'a> WrittenColumn<'a> {
    fn take_generation(&mut self, table: &str, expression: &'a ast::Expr) -> Result<()> {
        let name = &self.name;
        let problem = if self.generated.is_some() {
            "multiple generation clauses specified"
        } else if self.identity.is_some() {
            "both identity and generation expression specified"
        } else if self.default.is_some() || self.sequence.is_some() {
            "both default and generation expression specified"
        } else {
            self.generated = Some(expression);
            return Ok(());
        };
        let message = format!("{problem} for column \"{name}\" of table \"{table}\"");
        Err(Error::new(SqlState::SYNTAX_ERROR, message))
    }
}

/// Adds to a column what is said of it.
fn read_options<'a>(
    table: &str,
    definition: &'a ColumnDef,
    mut column: WrittenColumn<'a>,
) -> Result<WrittenColumn<'a>> {
    let ColumnDef { name: ident, data_type: _, options } = definition;
    let mut nullable = false;
    for ColumnOptionDef { name, option } in options {
        match option {
            ColumnOption::Null => nullable = true,
            ColumnOption::NotNull => column.not_null = true,
            ColumnOption::Default(_) if column.default.is_some() || column.sequence.is_some() => {
                let message =
                    format!("multiple default values specified for column \"{}\" of table \"{table}\"", column.name);
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
            ColumnOption::Default(_) if column.generated.is_some() => {
                let message = format!(
                    "both default and generation expression specified for column \"{}\" of table \"{table}\"",
                    column.name
                );
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
            ColumnOption::Default(value) => column.default = Some(value),
            ColumnOption::Generated {
                generation_expr: Some(expression),
                generation_expr_mode: Some(ast::GeneratedExpressionMode::Stored),
                generated_keyword: true,
                ..
            } => column.take_generation(table, expression)?,
            ColumnOption::Generated { generated_as, sequence_options, generation_expr: None, .. } => {
                column.take_identity(table, generated_as, sequence_options.as_deref())?;
            }
            ColumnOption::Collation(collation) => {
                column.hints.collation = other_collation(collation, column.ty);
            }
            ColumnOption::Comment(comment) if compression_in(comment).is_some() => {
                let method = compression_in(comment).unwrap_or_default();
                column.hints.compression = column_hint::compression(method, column.ty)?;
            }
            other => match Written::of_column(ident, name.as_ref(), other)? {
                Some(constraint) => column.constraints.push(constraint),
                None => return Err(unsupported_option(other)),
            },
        }
        let primary = matches!(column.constraints.last(), Some(Written::Key(key)) if key.primary);
        if nullable && (column.not_null || primary) {
            return Err(conflicting_null(&column.name, table));
        }
    }
    Ok(column)
}

/// The integer type that a serial type stands for.
fn serial_type(data_type: &DataType) -> Option<u32> {
    let DataType::Custom(name, _) = data_type else { return None };
    match name.to_string().to_ascii_lowercase().as_str() {
        "serial" | "serial4" => Some(types::oid::INT4),
        "bigserial" | "serial8" => Some(types::oid::INT8),
        "smallserial" | "serial2" => Some(types::oid::INT2),
        _ => None,
    }
}

/// The argument of a call of `nextval`.
fn next_value_argument(expression: &mut ast::Expr) -> Option<&mut ast::Expr> {
    let ast::Expr::Function(call) = expression else { return None };
    let name = call.name.0.last().and_then(|part| part.as_ident()).map(fold)?;
    let ast::FunctionArguments::List(list) = &mut call.args else { return None };
    match list.args.as_mut_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))] if name == "nextval" => Some(argument),
        _ => None,
    }
}

/// The text of a string literal, perhaps cast to `regclass`.
fn literal(expression: &ast::Expr) -> Option<String> {
    match expression {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        ast::Expr::Cast { expr, data_type, .. } if data_type.to_string().eq_ignore_ascii_case("regclass") => {
            literal(expr)
        }
        _ => None,
    }
}

fn conflicting_null(column: &str, table: &str) -> Error {
    let message = format!("conflicting NULL/NOT NULL declarations for column \"{column}\" of table \"{table}\"");
    Error::new(SqlState::SYNTAX_ERROR, message)
}

fn unsupported_option(option: &ColumnOption) -> Error {
    Error::unsupported(match option {
        ColumnOption::Generated { generation_expr: Some(_), .. } => "a generated column".to_owned(),
        ColumnOption::Generated { .. } | ColumnOption::Identity(_) => "an identity column".to_owned(),
        other => format!("column option {other}"),
    })
}

/// The oid of the collation that values of a domain have, if it was said with the domain.
pub(super) fn collation_of_domain(catalog: &Catalog, ty: Type) -> Option<u32> {
    catalog.types.get(&ty.oid).and_then(|ty| ty.domain()).and_then(|domain| domain.collation)
}

/// The oid of a collation that there is, if it is not the one that values of the type have.
fn other_collation(collation: &ObjectName, ty: Type) -> Option<u32> {
    let named = collation.0.last().and_then(|part| part.as_ident()).map(fold);
    named.and_then(|named| collation_named(&named)).filter(|named| *named != collation_of_type(ty.oid))
}
