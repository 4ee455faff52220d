//! The text form of an ACL: `alice=arw*/postgres`, `=r/postgres` for everybody, and a list of
//! them as an array literal `{alice=arw*/postgres,=r/postgres}`.
//!
//! A letter is a privilege, a `*` behind it its grant option. Names of other than ASCII letters,
//! digits and underscores are in double quotes. Roles are ids inside, so both directions take a lookup.

use std::borrow::Cow;
use std::fmt::Write;

use crate::authorize::acl::{Acl, AclItem};
use crate::authorize::privilege::{Privilege, Privileges};
use crate::error::AuthorizationError;
use crate::identity::RoleId;

/// Bytes that a role's name may have (PostgreSQL's `NAMEDATALEN` less the end mark).
const NAME_BYTES_MAX: usize = 63;

impl AclItem {
    /// The text form. A role that `role_name` does not know is printed as its oid.
    pub fn to_text<'a>(&self, role_name: impl Fn(RoleId) -> Option<Cow<'a, str>>) -> String {
        let mut text = String::new();
        if let Some(grantee) = self.grantee {
            print_role(&mut text, grantee, &role_name);
        }
        text.push('=');
        for privilege in (self.privileges | self.grant_options).iter() {
            text.push(privilege.letter());
            if self.grant_options.contains(privilege.into()) {
                text.push('*');
            }
        }
        text.push('/');
        print_role(&mut text, self.grantor, &role_name);
        text
    }

    /// Reads the text form. Without `/grantor` the grantor is the first superuser, for which
    /// PostgreSQL also warns.
    pub fn parse(text: &str, role_id: impl Fn(&str) -> Option<RoleId>) -> Result<Self, AuthorizationError> {
        let role = |name: String| match role_id(&name) {
            Some(role) => Ok(role),
            None => Err(AuthorizationError::UndefinedRole { name }),
        };
        let (mut name, mut rest) = read_name(text)?;
        if !rest.starts_with('=') {
            if name != "group" && name != "user" {
                return Err(AuthorizationError::UnrecognizedKeyWord { word: name });
            }
            (name, rest) = read_name(rest)?;
            if name.is_empty() {
                return Err(AuthorizationError::MissingName);
            }
        }
        let rest = rest.strip_prefix('=').ok_or(AuthorizationError::MissingEqualsSign)?;
        let (privileges, grant_options, rest) = read_privileges(rest)?;
        let grantee = if name.is_empty() { None } else { Some(role(name)?) };
        let (grantor, rest) = match rest.strip_prefix('/') {
            None => (RoleId::BOOTSTRAP, rest),
            Some(rest) => {
                let (name, rest) = read_name(rest)?;
                if name.is_empty() {
                    return Err(AuthorizationError::MissingGrantor);
                }
                (role(name)?, rest)
            }
        };
        if !rest.trim_start_matches(is_space).is_empty() {
            return Err(AuthorizationError::TrailingGarbage);
        }
        Ok(Self { grantee, grantor, privileges, grant_options })
    }
}

impl Acl {
    /// The text form of the list, an array literal.
    pub fn to_text<'a>(&self, role_name: impl Fn(RoleId) -> Option<Cow<'a, str>>) -> String {
        let mut text = String::from("{");
        for (index, item) in self.items().iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            print_element(&mut text, &item.to_text(&role_name));
        }
        text.push('}');
        text
    }

    /// Reads an array literal of items: one dimension, no NULLs. Items of the same grantee and
    /// grantor become one.
    pub fn parse(text: &str, role_id: impl Fn(&str) -> Option<RoleId>) -> Result<Self, AuthorizationError> {
        let malformed = || AuthorizationError::MalformedArray { text: text.to_owned() };
        let inner = text.trim_matches(is_space);
        let inner = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).ok_or_else(malformed)?;
        let mut items = Vec::new();
        let mut rest = inner.trim_start_matches(is_space);
        while !rest.is_empty() {
            let (element, behind) = read_element(rest).ok_or_else(malformed)?;
            let behind = behind.trim_start_matches(is_space);
            if !behind.is_empty() {
                rest = behind
                    .strip_prefix(',')
                    .map(|next| next.trim_start_matches(is_space))
                    .filter(|next| !next.is_empty())
                    .ok_or_else(malformed)?;
            } else {
                rest = behind;
            }
            items.push(AclItem::parse(&element, &role_id)?);
        }
        Ok(items.into_iter().collect())
    }
}

fn print_role<'a>(text: &mut String, role: RoleId, role_name: &impl Fn(RoleId) -> Option<Cow<'a, str>>) {
    match role_name(role) {
        None => write!(text, "{role}").expect("a String takes any text"),
        Some(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => text.push_str(&name),
        Some(name) => {
            text.push('"');
            text.push_str(&name.replace('"', "\"\""));
            text.push('"');
        }
    }
}

/// Prints one element of an array, which is in quotes unless it is plain.
fn print_element(text: &mut String, element: &str) {
    let special = |character: char| matches!(character, '"' | '\\' | '{' | '}' | ',') || is_space(character);
    if !element.contains(special) {
        text.push_str(element);
        return;
    }
    text.push('"');
    for character in element.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// Reads a name, which may be empty and may be partly in quotes, and the spaces around it.
fn read_name(text: &str) -> Result<(String, &str), AuthorizationError> {
    let text = text.trim_start_matches(is_space);
    let mut name = String::new();
    let mut quoted = false;
    let mut end = text.len();
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => {
                if characters.next_if(|(_, next)| *next == '"').is_none() {
                    quoted = !quoted;
                    continue;
                }
            }
            _ if quoted || character == '_' || character.is_ascii_alphanumeric() => {}
            _ => {
                end = index;
                break;
            }
        }
        if name.len() + character.len_utf8() > NAME_BYTES_MAX {
            return Err(AuthorizationError::IdentifierTooLong);
        }
        name.push(character);
    }
    Ok((name, text[end..].trim_start_matches(is_space)))
}

/// Reads the letters: the privileges, those with a grant option, and what follows.
fn read_privileges(text: &str) -> Result<(Privileges, Privileges, &str), AuthorizationError> {
    let (mut privileges, mut grant_options) = (Privileges::NONE, Privileges::NONE);
    let mut last = Privileges::NONE;
    let end = text.find(|character: char| character != '*' && !character.is_ascii_alphabetic());
    let (letters, rest) = text.split_at(end.unwrap_or(text.len()));
    for letter in letters.chars() {
        if letter == '*' {
            grant_options |= last;
        } else {
            last = Privilege::from_letter(letter).ok_or(AuthorizationError::InvalidModeCharacter)?.into();
            privileges |= last;
        }
    }
    Ok((privileges, grant_options, rest))
}

/// Reads one element of an array, quoted or plain, and returns what follows it.
fn read_element(text: &str) -> Option<(String, &str)> {
    let mut element = String::new();
    if let Some(quoted) = text.strip_prefix('"') {
        let mut characters = quoted.char_indices();
        loop {
            match characters.next()? {
                (_, '\\') => element.push(characters.next()?.1),
                (index, '"') => return Some((element, &quoted[index + 1..])),
                (_, character) => element.push(character),
            }
        }
    }
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((index, character)) = characters.next() {
        match character {
            ',' => {
                end = index;
                break;
            }
            '"' | '{' | '}' => return None,
            '\\' => element.push(characters.next()?.1),
            _ => element.push(character),
        }
    }
    let plain = element.trim_end_matches(is_space);
    let usable = !plain.is_empty() && !plain.eq_ignore_ascii_case("null");
    usable.then(|| (plain.to_owned(), &text[end..]))
}

/// What C's `isspace` says of ASCII.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests;
