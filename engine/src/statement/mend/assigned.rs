//! Parts of columns that a statement assigns to, as `a[1]` in SET and in INSERT's list: one name each, marked, whose text
//! the binder reads again.

use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token};

use super::{MARK, Mender, is_space, is_word, marked};
use crate::error::{Error, Result};
use crate::statement::dialect::Postgres;

/// Words behind which an UPDATE's assignments are over.
const BEHIND: [&str; 8] = ["from", "where", "returning", "select", "values", "by", "on", "using"];

impl Mender<'_> {
    /// Takes a part of a column over, if one is assigned to here.
    pub(super) fn assigned_part(&mut self) -> bool {
        let Some(end) = self.path_end() else { return false };
        let next = (end..self.tokens.len()).find(|at| !is_space(&self.tokens[*at].token));
        let assigned = match next.map(|at| &self.tokens[at].token) {
            Some(Token::Eq) => self.is_set(),
            Some(Token::Comma | Token::RParen) => self.is_insert_list(),
            _ => false,
        };
        if assigned {
            let text: String = self.tokens[self.at..end].iter().map(|token| token.token.to_string()).collect();
            self.kept.push(marked(text, self.tokens[self.at].span));
            self.at = end;
        }
        assigned
    }

    /// Where a name with subscripts ends that begins here.
    fn path_end(&self) -> Option<usize> {
        let mut at = self.at + 1;
        let mut end = None;
        loop {
            at = (at..self.tokens.len()).find(|at| !is_space(&self.tokens[*at].token))?;
            match self.tokens[at].token {
                Token::Period => at = (at + 1..self.tokens.len()).find(|at| !is_space(&self.tokens[*at].token))? + 1,
                Token::LBracket => {
                    let mut depth = 0;
                    let close = (at..self.tokens.len()).find(|at| {
                        match self.tokens[*at].token {
                            Token::LBracket => depth += 1,
                            Token::RBracket => depth -= 1,
                            _ => {}
                        }
                        depth == 0
                    })?;
                    at = close + 1;
                }
                _ => return end,
            }
            end = Some(at).filter(|_| end.is_some() || matches!(self.tokens[at - 1].token, Token::RBracket));
        }
    }

    /// Whether what was taken over ends in SET, or in SET and assignments.
    fn is_set(&self) -> bool {
        if !matches!(self.before(), Some(Token::Comma)) {
            return self.before().is_some_and(|token| is_word(token, "set"));
        }
        let mut depth = 0;
        for token in self.kept.iter().rev().map(|token| &token.token) {
            match token {
                Token::RParen | Token::RBracket => depth += 1,
                Token::LParen | Token::LBracket if depth == 0 => return false,
                Token::LParen | Token::LBracket => depth -= 1,
                Token::Word(_) if depth > 0 => {}
                token if is_word(token, "set") => return true,
                token if BEHIND.iter().any(|word| is_word(token, word)) => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether what was taken over ends within the list of columns behind INSERT INTO and a name.
    fn is_insert_list(&self) -> bool {
        let mut before = self.kept.iter().rev().map(|token| &token.token).filter(|token| !is_space(token));
        let open = before.by_ref().find(|token| !matches!(token, Token::Word(_) | Token::Period | Token::Comma));
        if open != Some(&Token::LParen) {
            return false;
        }
        let behind =
            before.by_ref().find(|token| is_word(token, "into") || !matches!(token, Token::Word(_) | Token::Period));
        behind.is_some_and(|token| is_word(token, "into"))
            && before.next().is_some_and(|token| is_word(token, "insert"))
    }
}

/// The column and the way to its part that a marked name stands for; None for any other name.
pub(crate) fn assigned_part(name: &Ident) -> Result<Option<(Ident, Vec<AccessExpr>)>> {
    if name.quote_style != Some(MARK) {
        return Ok(None);
    }
    // The text is put where it stands in the statement, so that errors point there.
    let Location { line, column } = name.span.start;
    let padding = |count: u64, with: &str| with.repeat(usize::try_from(count.saturating_sub(1)).unwrap_or(0));
    let text = format!("{}{}{}", padding(line, "\n"), padding(column, " "), name.value);
    let broken = |_| Error::internal("a part of a column cannot be read again");
    let dialect = Postgres::default();
    let mut parser = Parser::new(&dialect).try_with_sql(&text).map_err(broken)?;
    let (root, chain) = match parser.parse_expr().map_err(broken)? {
        Expr::CompoundFieldAccess { root, access_chain } => (*root, access_chain),
        _ => return Err(Error::internal("a part of a column has no subscripts")),
    };
    let (column, fields) = match root {
        Expr::Identifier(column) => (column, Vec::new()),
        Expr::CompoundIdentifier(mut parts) if !parts.is_empty() => (parts.remove(0), parts),
        _ => return Err(Error::unsupported("an assignment to something other than a column")),
    };
    let fields = fields.into_iter().map(|field| AccessExpr::Dot(Expr::Identifier(field)));
    Ok(Some((Ident { span: Span { end: name.span.end, ..column.span }, ..column }, fields.chain(chain).collect())))
}
