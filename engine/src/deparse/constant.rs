//! Constants: the value's text, and its type where the text alone would be read as another.

use storage::Value;

use super::Writer;
use crate::error::Result;
use crate::function::write_text;
use crate::types::{Type, oid};

impl Writer<'_> {
    /// A constant; `labelled` is false where the type follows anyway.
    pub(super) fn constant(&mut self, value: &Value, ty: Type, labelled: bool) -> Result<()> {
        if value.is_null() {
            self.push("NULL");
            return if labelled { self.label(ty) } else { Ok(()) };
        }
        let mut text = Vec::new();
        write_text(value, ty.oid, self.context, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let begins_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        let mut needs_label = true;
        match (ty.oid, value) {
            (oid::BOOL, Value::Bool(value)) => {
                self.push(if *value { "true" } else { "false" });
                needs_label = false;
            }
            (oid::INT4, _) if begins_with_digit => {
                self.push(&text);
                needs_label = false;
            }
            (oid::NUMERIC, _) if begins_with_digit && text.contains(['.', 'e', 'E']) => {
                self.push(&text);
                needs_label = ty.modifier >= 0;
            }
            (oid::UNKNOWN, _) => {
                self.quoted(&text);
                needs_label = false;
            }
            _ => self.quoted(&text),
        }
        if labelled && needs_label { self.label(ty) } else { Ok(()) }
    }

    fn label(&mut self, ty: Type) -> Result<()> {
        let name = self.type_name(ty)?;
        self.push("::");
        self.push(&name);
        Ok(())
    }

    /// A literal.
    pub(super) fn quoted(&mut self, text: &str) {
        let escaped = text.replace('\'', "''");
        self.out.push('\'');
        self.push(&escaped);
        self.out.push('\'');
    }
}
