//! Composite types: their fields.
//!
//! Rows hold a record's values by place, so what a column's type consists of stays as it is.

use datafusion::sql::sqlparser::ast::{DataType, ObjectName};

use super::super::DefinitionEnvironment;
use crate::catalog::{Attribute, UserType, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::TypeChange;
use crate::types::{self, Type, builtin, display, oid};

/// Runs CREATE TYPE … AS (…).
pub(in crate::execute::definition) async fn create(
    name: &ObjectName,
    written: &[(String, DataType)],
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let mut attributes: Vec<Attribute> = Vec::with_capacity(written.len());
    for (name, ty) in written {
        if attributes.iter().any(|attribute| attribute.name == *name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        attributes.push(environment.attribute(name, ty).await?);
    }
    environment.put_new_type(name, None, UserTypeKind::Composite(attributes)).await
}

impl DefinitionEnvironment<'_> {
    async fn attribute(&mut self, name: &str, ty: &DataType) -> Result<Attribute> {
        let ty = types::from_ast(ty, &self.catalog(), &self.context.session.search_path)?;
        if ty.oid == oid::RECORD || builtin::info(ty.oid).is_none_or(|info| info.kind == 'p') {
            let message = format!("column \"{name}\" has pseudo-type {}", display(ty));
            return Err(Error::new(SqlState("42P16"), message));
        }
        types::column_type(ty)?;
        self.hold_type(ty).await?;
        Ok(Attribute { name: name.to_owned(), ty })
    }

    /// ADD, DROP, ALTER and RENAME ATTRIBUTE.
    pub(super) async fn change_attributes(&mut self, ty: &UserType, change: &TypeChange) -> Result<()> {
        let UserTypeKind::Composite(before) = &ty.kind else {
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("{} is not a composite type", ty.name)));
        };
        let mut attributes = before.clone();
        let undefined = |name: &str| {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", ty.name);
            Error::new(SqlState::UNDEFINED_COLUMN, message)
        };
        let taken = |attributes: &[Attribute], name: &str| {
            let message = format!("column \"{name}\" of relation \"{}\" already exists", ty.name);
            let found = attributes.iter().any(|attribute| attribute.name == name);
            if found { Err(Error::new(SqlState::DUPLICATE_COLUMN, message)) } else { Ok(()) }
        };
        let place = |attributes: &[Attribute], name: &str| {
            attributes.iter().position(|attribute| attribute.name == name).ok_or_else(|| undefined(name))
        };
        match change {
            TypeChange::RenameAttribute { old, new } => {
                let at = place(&attributes, old)?;
                taken(&attributes, new)?;
                attributes[at].name.clone_from(new);
            }
            TypeChange::AddAttribute { name, data_type } => {
                taken(&attributes, name)?;
                self.refuse_used(ty)?;
                attributes.push(self.attribute(name, data_type).await?);
            }
            TypeChange::AlterAttribute { name, data_type } => {
                let at = place(&attributes, name)?;
                self.refuse_used(ty)?;
                attributes[at] = self.attribute(name, data_type).await?;
            }
            TypeChange::DropAttribute { name, if_exists } => {
                if *if_exists && place(&attributes, name).is_err() {
                    let message = format!("column \"{name}\" of relation \"{}\" does not exist", ty.name);
                    self.notice_skipping(None, message);
                    return Ok(());
                }
                let at = place(&attributes, name)?;
                self.refuse_used(ty)?;
                attributes.remove(at);
            }
            _ => return Err(Error::internal("no change of an attribute")),
        }
        self.put_type(UserType { kind: UserTypeKind::Composite(attributes), ..ty.clone() })
    }

    /// 0A000 if a column or another type has the type, however deep: their values would have to be written anew.
    fn refuse_used(&mut self, ty: &UserType) -> Result<()> {
        let catalog = self.catalog();
        let mut users = vec![ty.oid];
        let mut next = 0;
        while let Some(&user) = users.get(next) {
            next += 1;
            let uses = |column: Type| builtin::element_of(builtin::base_of(column.oid)).unwrap_or(column.oid) == user;
            for table in catalog.tables.values() {
                if let Some(column) = table.columns.iter().find(|column| uses(column.ty)) {
                    let message = format!(
                        "cannot alter type \"{}\" because column \"{}.{}\" uses it",
                        ty.name, table.name, column.name
                    );
                    return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
                }
            }
            for other in catalog.types.values().filter(|other| !users.contains(&other.oid)).collect::<Vec<_>>() {
                let fields = catalog.attributes(other.oid).unwrap_or_default();
                if fields.iter().any(|field| uses(field.ty)) || other.domain().is_some_and(|over| uses(over.base)) {
                    users.push(other.oid);
                }
            }
        }
        Ok(())
    }
}
