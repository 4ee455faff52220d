//! Functions that SQL has words for.

use super::simple::Around;
use super::{Writer, unwritable};
use crate::error::Result;
use crate::expr::Expr;
use crate::expr::shown::Syntax;

impl Writer<'_> {
    pub(super) fn syntax(&mut self, syntax: &Syntax, parts: &[Expr]) -> Result<()> {
        match (syntax, parts) {
            (Syntax::Extract(field), [_, source]) => {
                let field = crate::types::text::quote_identifier(field);
                self.push(&format!("EXTRACT({field} FROM "));
                self.expr(source, false)?;
                self.push(")");
                Ok(())
            }
            (Syntax::AtTimeZone, [zone, time]) => {
                self.push("(");
                self.operand(time, false, Around::Other)?;
                self.push(" AT TIME ZONE ");
                self.operand(zone, false, Around::Other)?;
                self.push(")");
                Ok(())
            }
            (Syntax::Overlaps, [a, b, c, d]) => self.worded("((", &[(", ", a, b), (") OVERLAPS (", c, d)], "))"),
            (Syntax::Position, [text, part]) => {
                self.push("POSITION((");
                self.expr(part, false)?;
                self.push(") IN (");
                self.expr(text, false)?;
                self.push("))");
                Ok(())
            }
            (Syntax::Substring, [_, pattern, _]) if pattern.ty.oid == crate::types::oid::TEXT => {
                self.between("SUBSTRING(", &["", " SIMILAR ", " ESCAPE "], parts)
            }
            (Syntax::Substring, parts) => self.between("SUBSTRING(", &["", " FROM ", " FOR "], parts),
            (Syntax::Overlay, parts) => self.between("OVERLAY(", &["", " PLACING ", " FROM ", " FOR "], parts),
            (Syntax::Trim(side), [text, rest @ ..]) => {
                self.push(&format!("TRIM({side}"));
                if let [what] = rest {
                    self.push(" ");
                    self.expr(what, false)?;
                }
                self.push(" FROM ");
                self.expr(text, false)?;
                self.push(")");
                Ok(())
            }
            (Syntax::Normalize(form), [text, ..]) => {
                self.push("NORMALIZE(");
                self.expr(text, false)?;
                if let Some(form) = form {
                    self.push(&format!(", {form}"));
                }
                self.push(")");
                Ok(())
            }
            (Syntax::IsNormalized(form), [text, ..]) => {
                self.push("(");
                self.operand(text, false, Around::Other)?;
                let form = form.as_ref().map_or_else(String::new, |form| format!("{form} "));
                self.push(&format!(" IS {form}NORMALIZED)"));
                Ok(())
            }
            _ => Err(unwritable("a construct without its parts")),
        }
    }

    /// Parts, each behind its word.
    fn between(&mut self, opening: &str, words: &[&str], parts: &[Expr]) -> Result<()> {
        self.push(opening);
        for (word, part) in words.iter().zip(parts) {
            self.push(word);
            self.expr(part, false)?;
        }
        self.push(")");
        Ok(())
    }

    /// Two pairs.
    fn worded(&mut self, opening: &str, pairs: &[(&str, &Expr, &Expr); 2], closing: &str) -> Result<()> {
        let [(_, a, b), (word, c, d)] = pairs;
        self.push(opening);
        for (text, part) in [("", a), (", ", b), (*word, c), (", ", d)] {
            self.push(text);
            self.expr(part, false)?;
        }
        self.push(closing);
        Ok(())
    }
}
