//! Enums: their labels, and labels that are added between others.

use datafusion::sql::sqlparser::ast::ObjectName;

use super::super::DefinitionEnvironment;
use crate::catalog::user_type::number_between;
use crate::catalog::{Label, UserType, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::LabelPlace;

/// Longest label in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// Runs CREATE TYPE … AS ENUM.
pub(in crate::execute::definition) async fn create(
    name: &ObjectName,
    names: &[String],
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let mut labels: Vec<Label> = Vec::with_capacity(names.len());
    for name in names {
        check_label(name)?;
        if labels.iter().any(|label| label.name == *name) {
            // What PostgreSQL says of its own catalog.
            let message = "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"";
            return Err(Error::new(SqlState::UNIQUE_VIOLATION, message));
        }
        let number = number_between(labels.last().map(|label| label.number), None).ok_or_else(no_room)?;
        let sort_order = (labels.len() + 1) as f32;
        labels.push(Label { oid: environment.store.allocate_oid()?, number, sort_order, name: name.clone() });
    }
    environment.put_new_type(name, None, UserTypeKind::Enum(labels)).await
}

fn check_label(name: &str) -> Result<()> {
    if name.len() <= LABEL_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(SqlState::INVALID_NAME, format!("invalid enum label \"{name}\""))
        .with_detail(format!("Labels must be {LABEL_BYTES_MAX} bytes or less.")))
}

fn no_room() -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "there is no number left between these labels")
        .with_hint("Make a new type and change the columns to it.")
}

fn no_label(name: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("\"{name}\" is not an existing enum label"))
}

fn labels_of(ty: &UserType) -> Result<Vec<Label>> {
    match &ty.kind {
        UserTypeKind::Enum(labels) => Ok(labels.clone()),
        _ => Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("{} is not an enum", ty.name))),
    }
}

impl DefinitionEnvironment<'_> {
    pub(super) fn add_label(
        &mut self,
        ty: &UserType,
        name: &str,
        if_not_exists: bool,
        place: Option<&LabelPlace>,
    ) -> Result<()> {
        let mut labels = labels_of(ty)?;
        check_label(name)?;
        if labels.iter().any(|label| label.name == name) {
            let message = format!("enum label \"{name}\" already exists");
            if if_not_exists {
                self.notice_skipping(Some(SqlState::DUPLICATE_OBJECT), message);
                return Ok(());
            }
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        let position = |neighbour: &str| {
            labels.iter().position(|label| label.name == neighbour).ok_or_else(|| no_label(neighbour))
        };
        let at = match place {
            None => labels.len(),
            Some(LabelPlace::Before(neighbour)) => position(neighbour)?,
            Some(LabelPlace::After(neighbour)) => position(neighbour)? + 1,
        };
        let before = at.checked_sub(1).and_then(|before| labels.get(before));
        let after = labels.get(at);
        let number = number_between(before.map(|label| label.number), after.map(|label| label.number));
        let sort_order = match (before.map(|label| label.sort_order), after.map(|label| label.sort_order)) {
            (None, None) => 1.0,
            (Some(before), None) => before + 1.0,
            (None, Some(after)) => after - 1.0,
            (Some(before), Some(after)) => (before + after) / 2.0,
        };
        let crowded = labels.iter().any(|label| label.sort_order == sort_order);
        let label = Label {
            oid: self.store.allocate_oid()?,
            number: number.ok_or_else(no_room)?,
            sort_order,
            name: name.to_owned(),
        };
        labels.insert(at, label);
        if crowded {
            for (position, label) in labels.iter_mut().enumerate() {
                label.sort_order = (position + 1) as f32;
            }
        }
        self.put_type(UserType { kind: UserTypeKind::Enum(labels), ..ty.clone() })
    }

    pub(super) fn rename_label(&mut self, ty: &UserType, old: &str, new: &str) -> Result<()> {
        let mut labels = labels_of(ty)?;
        check_label(new)?;
        let at = labels.iter().position(|label| label.name == old).ok_or_else(|| no_label(old))?;
        if labels.iter().any(|label| label.name == new) {
            let message = format!("enum label \"{new}\" already exists");
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        labels[at].name = new.to_owned();
        self.put_type(UserType { kind: UserTypeKind::Enum(labels), ..ty.clone() })
    }
}
