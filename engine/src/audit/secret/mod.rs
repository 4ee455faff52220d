//! Secrets in texts: passwords, verifiers, tokens, keys, and the passwords of connection strings. [`without_secrets`] strikes
//! them out of any text, be it a statement, half of one, a message or a line of a log.
//!
//! It does not parse: what has to be kept out of sight is most often in what cannot be parsed. It takes the text apart as
//! SQL's tokens and asks three things. Does a statement define a role or a storage? Then its literals are struck out but
//! for the few that are known to tell nothing. Is something called a password, a token or the like? Then what it is said
//! to be is struck out. Does something look like a secret, whatever it is called (`pattern`)? In doubt it is one.
//!
//! What it cannot know: a secret that is called nothing and looks like nothing, such as one among the values of a row.

mod pattern;
#[cfg(test)]
mod tests;
mod token;

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Report};
use pattern::is_secret_name;
use token::{Kind, Token, tokens};

/// What stands in the place of a secret.
pub(crate) const STRUCK: &str = "********";

/// How deep texts within literals are looked into.
const DEPTH_MAX: usize = 3;

/// Of longer statements only the parts are looked at that an error may be about.
const STATEMENT_BYTES_MAX: usize = 1 << 16;

/// Words of an error are struck out as a whole if finding secrets in them means to look at more.
const SEARCH_BYTES_MAX: usize = 64 << 20;

/// What may stand between a name and what it is said to be.
const LINKS: [&str; 6] = ["to", "is", "as", "by", "with", "encrypted"];

/// Words that follow PASSWORD in a role's definition and are no password.
const ROLE_WORDS: [&str; 26] = [
    "null",
    "valid",
    "until",
    "superuser",
    "nosuperuser",
    "createdb",
    "nocreatedb",
    "createrole",
    "nocreaterole",
    "inherit",
    "noinherit",
    "login",
    "nologin",
    "replication",
    "noreplication",
    "bypassrls",
    "nobypassrls",
    "connection",
    "in",
    "role",
    "admin",
    "user",
    "sysid",
    "group",
    "set",
    "reset",
];

/// What a storage's definition says that is no secret.
const STORAGE_WORDS: [&str; 5] = ["type", "path", "path_template", "endpoint", "region"];

/// The text with every secret struck out.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let marks = marks(text);
    if marks.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut struck = String::with_capacity(text.len());
    let mut from = 0;
    for mark in marks {
        struck.push_str(&text[from..mark.start]);
        struck.push_str(STRUCK);
        from = mark.end;
    }
    struck.push_str(&text[from..]);
    Cow::Owned(struck)
}

/// The error of a statement without the statement's secrets, which its words may repeat.
pub(crate) fn error_without_secrets(error: Error, statement: &str) -> Error {
    let secrets: Vec<String> = near(statement, error.position).iter().flat_map(|part| secrets_of(part)).collect();
    let strike = |words: &str| -> Option<String> {
        if secrets.len().saturating_mul(words.len()) > SEARCH_BYTES_MAX {
            return Some(STRUCK.to_owned());
        }
        let mut struck = Cow::Borrowed(words);
        for secret in &secrets {
            if let Some(replaced) = replaced(&struck, secret) {
                struck = Cow::Owned(replaced);
            }
        }
        match without_secrets(&struck) {
            Cow::Owned(again) => Some(again),
            Cow::Borrowed(_) => match struck {
                Cow::Owned(struck) => Some(struck),
                Cow::Borrowed(_) => None,
            },
        }
    };
    error.map_words(|report: &mut Report| {
        if let Some(message) = strike(&report.message) {
            report.message = message.into();
        }
        for words in [&mut report.detail, &mut report.hint, &mut report.context].into_iter().flatten() {
            if let Some(struck) = strike(words) {
                *words = struck;
            }
        }
    })
}

/// The parts of a statement that an error's words may repeat: all of it unless it is long.
fn near(statement: &str, position: Option<usize>) -> Vec<&str> {
    if statement.len() <= STATEMENT_BYTES_MAX {
        return vec![statement];
    }
    let part = |from: usize| {
        let from = statement.floor_char_boundary(from);
        &statement[from..statement.floor_char_boundary(from + STATEMENT_BYTES_MAX / 4)]
    };
    let place = position.and_then(|at| statement.char_indices().nth(at.saturating_sub(1))).map_or(0, |(at, _)| at);
    let eighth = STATEMENT_BYTES_MAX / 8;
    vec![part(0), part(place.saturating_sub(eighth)), part(statement.len() - 2 * eighth)]
}

/// What is struck out of a text, in the forms in which a message may repeat it, the longest first.
fn secrets_of(text: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    for mark in marks(text) {
        let raw = &text[mark];
        secrets.push(raw.to_owned());
        secrets.push(raw.replace("''", "'").replace('\\', ""));
        let parts = raw.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '$' | ';' | ','));
        secrets.extend(parts.filter(|part| part.len() > 2).map(str::to_owned));
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// The words with a secret struck out, in whatever case; None if it is not there. A short one is looked for within quotes
/// only: it would be found in any word.
fn replaced(words: &str, secret: &str) -> Option<String> {
    let (hay, needle) = (words.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let is_short = needle.len() < 3;
    let is_quote = |at: Option<usize>| at.and_then(|at| words.as_bytes().get(at)).is_some_and(|b| b"'\"".contains(b));
    let mut struck = String::new();
    let mut from = 0;
    for (at, _) in hay.match_indices(&needle) {
        if is_short && !(is_quote(at.checked_sub(1)) && is_quote(Some(at + needle.len()))) {
            continue;
        }
        struck.push_str(&words[from..at]);
        struck.push_str(STRUCK);
        from = at + needle.len();
    }
    (from > 0).then(|| struck + &words[from..])
}

/// The places of secrets, in order and apart.
fn marks(text: &str) -> Vec<Range<usize>> {
    let mut marks = Vec::new();
    mark_text(text, 0, 0, &mut marks);
    marks.retain(|mark| !mark.is_empty());
    marks.sort_by_key(|mark| (mark.start, mark.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(marks.len());
    for mark in marks {
        match apart.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => apart.push(mark),
        }
    }
    apart
}

/// Marks the secrets of a part of a text that begins at `offset` of the whole.
fn mark_text(text: &str, offset: usize, depth: usize, marks: &mut Vec<Range<usize>>) {
    let tokens = tokens(text);
    let mut add = |mark: Range<usize>| marks.push(offset + mark.start..offset + mark.end);
    pattern::looks(text, &mut add);
    for statement in tokens.split(|token| token.is_sign(text, ";")) {
        Statement { text, tokens: statement }.mark(&mut add);
    }
    if depth == DEPTH_MAX {
        return;
    }
    for token in &tokens {
        let inner = &text[token.inner.clone()];
        let at = offset + token.inner.start;
        match token.kind {
            Kind::Literal | Kind::Quoted | Kind::Comment => {
                pattern::pairs(inner, &mut |mark| marks.push(at + mark.start..at + mark.end));
                let defines = defines_secrets(inner);
                if token.kind == Kind::Literal && token.is_doubled(text) && defines {
                    // Quotes within are doubled, so that the ends of its literals are not to be told.
                    let whole = whole(text, token);
                    marks.push(offset + whole.start..offset + whole.end);
                } else if token.kind != Kind::Quoted && (defines || token.is_open || token.kind == Kind::Comment) {
                    mark_text(inner, at, depth + 1, marks);
                }
            }
            Kind::Word | Kind::Number | Kind::Sign => {}
        }
    }
}

/// Whether a text has a statement within that defines a role or a storage, or something that is called a secret.
fn defines_secrets(text: &str) -> bool {
    let tokens = tokens(text);
    tokens.iter().any(|token| token.kind == Kind::Word && is_secret_name(&text[token.all.clone()]))
        || (0..tokens.len()).any(|at| Defined::at(text, &tokens[at..]).is_some())
}

/// What a statement defines that has secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defined {
    Role,
    Storage,
}

impl Defined {
    /// What the tokens begin to define.
    fn at(text: &str, tokens: &[Token]) -> Option<Self> {
        let word = |at: usize| tokens.get(at).filter(|token| token.kind == Kind::Word).map(|token| token.lower(text));
        if !matches!(word(0)?.as_str(), "create" | "alter") {
            return None;
        }
        match word(1)?.as_str() {
            "user" if word(2).as_deref() == Some("table") => None,
            "user" | "role" | "group" => Some(Defined::Role),
            "storage" => Some(Defined::Storage),
            _ => None,
        }
    }
}

/// A statement's tokens.
struct Statement<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

impl Statement<'_> {
    fn mark(&self, add: &mut dyn FnMut(Range<usize>)) {
        let solid: Vec<&Token> = self.tokens.iter().filter(|token| token.kind != Kind::Comment).collect();
        let defined = (0..self.tokens.len()).find_map(|at| {
            let rest = &self.tokens[at..];
            Defined::at(self.text, rest).map(|defined| (rest[0].all.start, defined))
        });
        let mut in_setting = false;
        for (at, token) in solid.iter().enumerate() {
            let defines = defined.filter(|(from, _)| token.all.start > *from).map(|(_, defined)| defined);
            in_setting |= token.is_word(self.text, "set");
            // SET SESSION AUTHORIZATION and CREATE SCHEMA AUTHORIZATION name roles.
            let names_role = token.is_word(self.text, "authorization")
                && at
                    .checked_sub(1)
                    .is_some_and(|at| ["session", "schema"].iter().any(|word| solid[at].is_word(self.text, word)));
            if token.names_secret(self.text) && !names_role {
                self.mark_value(&solid[at + 1..], token, defines.is_some(), add);
            }
            let before = at.checked_sub(1).map(|at| solid[at].lower(self.text));
            let before_sign = at.checked_sub(2).map(|at| solid[at].lower(self.text));
            let said = match before.as_deref() {
                Some("=") => before_sign,
                _ => before,
            };
            let tells_nothing = match (defines, said.as_deref()) {
                (Some(Defined::Role), said) => in_setting || said == Some("until"),
                (Some(Defined::Storage), Some(said)) => STORAGE_WORDS.contains(&said),
                (Some(Defined::Storage), None) => false,
                (None, _) => true,
            };
            if token.kind == Kind::Literal && !tells_nothing {
                add(whole(self.text, token));
            }
        }
        if self.inserts_secrets(&solid) {
            solid.iter().filter(|token| token.kind == Kind::Literal).for_each(|token| add(token.inner.clone()));
        }
    }

    /// Marks what a secret's name is said to be. Where roles and storages are defined that need not be a literal.
    fn mark_value(&self, rest: &[&Token], name: &Token, defines: bool, add: &mut dyn FnMut(Range<usize>)) {
        let (mut linked, mut of_document) = (false, false);
        let mut rest = rest.iter().peekable();
        while let Some(token) = rest.peek() {
            let word = token.lower(self.text);
            let links = match token.kind {
                Kind::Word => LINKS.contains(&word.as_str()) || matches!(word.as_str(), "e" | "u" | "password"),
                Kind::Sign => match word.as_str() {
                    "=" | ":" | "=>" | ":=" | "(" | "<>" | "!=" | "&" | ">" | "~" => true,
                    // The name is an argument, or an element.
                    "," => name.kind != Kind::Word,
                    _ => false,
                },
                _ => false,
            };
            if !links {
                break;
            }
            linked |= matches!(word.as_str(), "=" | ":" | "=>" | ":=");
            of_document |= name.kind == Kind::Quoted && word == ":";
            rest.next();
        }
        let Some(value) = rest.next() else { return };
        let word = value.lower(self.text);
        let is_value = match value.kind {
            Kind::Literal => true,
            Kind::Number => !word.starts_with('$') && (linked || defines),
            Kind::Quoted => defines || of_document,
            Kind::Word if defines => !ROLE_WORDS.contains(&word.as_str()),
            // A column or a function is named and tells nothing.
            Kind::Word => {
                linked && !is_keyword(&word) && !rest.peek().is_some_and(|next| next.reaches(value, self.text))
            }
            Kind::Sign => defines && !matches!(word.as_str(), ")" | "," | "?"),
            Kind::Comment => false,
        };
        if is_value {
            add(whole(self.text, value));
        }
    }

    /// Whether rows are inserted of which a column is called a secret.
    fn inserts_secrets(&self, tokens: &[&Token]) -> bool {
        let Some(insert) = tokens.iter().position(|token| token.is_word(self.text, "insert")) else { return false };
        let columns = tokens[insert..]
            .iter()
            .take_while(|token| !token.is_word(self.text, "values") && !token.is_word(self.text, "select"));
        columns.filter(|token| token.kind != Kind::Literal).any(|token| token.names_secret(self.text))
    }
}

/// The inside of a token, with all that follows without a space: it may be part of it that was meant.
fn whole(text: &str, token: &Token) -> Range<usize> {
    let behind = &text[token.all.end..];
    let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | ')' | ';');
    match behind.find(is_end).unwrap_or(behind.len()) {
        0 => token.inner.clone(),
        more => token.inner.start..token.all.end + more,
    }
}

/// Words that may follow a comparison and are no value.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "null" | "not" | "true" | "false" | "default" | "any" | "all" | "select" | "case" | "unknown" | "distinct"
    )
}
