//! Locking clauses that `sqlparser` does not know: FOR NO KEY UPDATE, FOR KEY SHARE, and OF with several tables.
//!
//! Such a clause is written over as one that the parser does know: `FOR UPDATE OF mark.a.b`, where the mark, an identifier that
//! nobody can write, says how strong the lock is, and every name behind it is a table of its own.

use std::borrow::Cow;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use storage::RowLock;

use crate::error::{Error, Result, SqlState};

/// What the mark begins with: no identifier holds a zero byte.
const MARK: char = '\0';

const STRENGTHS: [(&[&str], RowLock, &str); 4] = [
    (&["no", "key", "update"], RowLock::NoKeyUpdate, "FOR NO KEY UPDATE"),
    (&["key", "share"], RowLock::KeyShare, "FOR KEY SHARE"),
    (&["update"], RowLock::Update, "FOR UPDATE"),
    (&["share"], RowLock::Share, "FOR SHARE"),
];

/// A locking clause as it was written.
pub(crate) struct LockingClause<'a> {
    pub(crate) strength: RowLock,
    /// As errors name it.
    pub(crate) words: &'static str,
    /// The tables behind OF; None: all.
    pub(crate) tables: Option<Vec<&'a ast::Ident>>,
}

impl<'a> LockingClause<'a> {
    /// 42601 for a table with a qualified name.
    pub(crate) fn of(clause: &'a ast::LockClause) -> Result<Self> {
        let names: Vec<&ast::Ident> = match &clause.of {
            None => Vec::new(),
            Some(name) => name.0.iter().filter_map(ast::ObjectNamePart::as_ident).collect(),
        };
        let marked = names.first().and_then(|first| first.value.strip_prefix(MARK));
        if let Some(words) = marked {
            let known = STRENGTHS.iter().find(|(_, _, known)| *known == words);
            let (_, strength, words) = known.ok_or_else(|| Error::internal("a locking clause has an unknown mark"))?;
            let tables = (names.len() > 1).then(|| names[1..].to_vec());
            return Ok(Self { strength: *strength, words, tables });
        }
        let (strength, words) = match clause.lock_type {
            ast::LockType::Update => (RowLock::Update, "FOR UPDATE"),
            ast::LockType::Share => (RowLock::Share, "FOR SHARE"),
        };
        match &clause.of {
            None => Ok(Self { strength, words, tables: None }),
            Some(name) if name.0.len() == 1 => Ok(Self { strength, words, tables: Some(names) }),
            Some(_) => Err(qualified(words)),
        }
    }
}

/// The clause of that strength.
pub(crate) fn locking_words(strength: RowLock) -> &'static str {
    STRENGTHS.iter().find(|(_, known, _)| *known == strength).map_or("FOR UPDATE", |(.., words)| words)
}

fn qualified(words: &str) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, format!("{words} must specify unqualified relation names"))
}

/// The tokens of a statement with such clauses written over.
pub(super) fn with_known_locks(tokens: Cow<'_, [TokenWithSpan]>) -> Result<Cow<'_, [TokenWithSpan]>> {
    let mut rewritten: Option<Vec<TokenWithSpan>> = None;
    let mut at = 0;
    while at < tokens.len() {
        if let Some(clause) = Clause::at(&tokens, at)?
            && (clause.tables.len() > 1 || !matches!(clause.strength, RowLock::Update | RowLock::Share))
        {
            let written = rewritten.get_or_insert_with(|| tokens[..at].to_vec());
            clause.write(&tokens[at], written);
            at = clause.end;
            continue;
        }
        if let Some(written) = &mut rewritten {
            written.push(tokens[at].clone());
        }
        at += 1;
    }
    Ok(rewritten.map_or(tokens, Cow::Owned))
}

struct Clause {
    strength: RowLock,
    words: &'static str,
    tables: Vec<TokenWithSpan>,
    /// Behind its last token.
    end: usize,
}

impl Clause {
    /// The clause that begins there, if one does.
    fn at(tokens: &[TokenWithSpan], at: usize) -> Result<Option<Self>> {
        if !is_word(&tokens[at].token, "for") {
            return Ok(None);
        }
        for (expected, strength, words) in STRENGTHS {
            let mut next = at + 1;
            let all = expected.iter().all(|word| {
                let found = significant(tokens, next).filter(|place| is_word(&tokens[*place].token, word));
                next = found.map_or(next, |place| place + 1);
                found.is_some()
            });
            if all {
                let (tables, end) = tables(tokens, next, words)?;
                return Ok(Some(Self { strength, words, tables, end }));
            }
        }
        Ok(None)
    }

    fn write(&self, start: &TokenWithSpan, into: &mut Vec<TokenWithSpan>) {
        let verb = if matches!(self.strength, RowLock::Update | RowLock::NoKeyUpdate) { "UPDATE" } else { "SHARE" };
        let mark = Word {
            value: format!("{MARK}{}", self.words),
            quote_style: Some('"'),
            keyword: datafusion::sql::sqlparser::keywords::Keyword::NoKeyword,
        };
        let mut push = |token| into.push(TokenWithSpan { token, span: start.span });
        for word in ["FOR", verb, "OF"] {
            push(Token::make_keyword(word));
        }
        push(Token::Word(mark));
        for table in &self.tables {
            into.push(TokenWithSpan { token: Token::Period, span: table.span });
            into.push(table.clone());
        }
        // What follows must not run into the last name.
        let space = datafusion::sql::sqlparser::tokenizer::Whitespace::Space;
        into.push(TokenWithSpan { token: Token::Whitespace(space), span: start.span });
    }
}

/// The names behind OF, and where they end.
fn tables(tokens: &[TokenWithSpan], start: usize, words: &str) -> Result<(Vec<TokenWithSpan>, usize)> {
    let Some(of) = significant(tokens, start).filter(|place| is_word(&tokens[*place].token, "of")) else {
        return Ok((Vec::new(), start));
    };
    let (mut names, mut end) = (Vec::new(), start);
    let mut next = of + 1;
    while let Some(place) = significant(tokens, next)
        && matches!(tokens[place].token, Token::Word(_))
    {
        names.push(tokens[place].clone());
        end = place + 1;
        match significant(tokens, end).map(|place| (place, &tokens[place].token)) {
            Some((comma, Token::Comma)) => next = comma + 1,
            Some((_, Token::Period)) => return Err(qualified(words)),
            _ => break,
        }
    }
    Ok((names, end))
}

/// The next token that is no white space.
fn significant(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    (from..tokens.len()).find(|place| !matches!(tokens[*place].token, Token::Whitespace(_)))
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}
