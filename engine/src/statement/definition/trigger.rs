//! The grammar of CREATE, ALTER and DROP TRIGGER.

use datafusion::sql::sqlparser::ast::ObjectName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::policy::{PolicyExpression, expression};
use super::{Definition, grant, list};
use crate::catalog::{TriggerEnabled, TriggerEvents};
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;

/// CREATE TRIGGER.
#[derive(Debug, Clone)]
pub struct NewTrigger {
    pub name: String,
    pub replace: bool,
    pub before: bool,
    pub events: TriggerEvents,
    /// UPDATE OF.
    pub columns: Vec<String>,
    pub table: ObjectName,
    pub for_rows: bool,
    pub condition: Option<PolicyExpression>,
    pub function: ObjectName,
    pub args: Vec<String>,
}

/// ALTER TABLE … ENABLE or DISABLE TRIGGER.
#[derive(Debug, Clone)]
pub struct TriggerSwitch {
    pub enabled: TriggerEnabled,
    pub which: TriggersNamed,
}

#[derive(Debug, Clone)]
pub enum TriggersNamed {
    One(String),
    /// Those of foreign keys, too.
    All,
    User,
}

/// What follows CREATE; None if it is no trigger.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let mut of_trigger = reader.clone();
    let replace = of_trigger.words(&["or", "replace"]);
    if of_trigger.words(&["constraint", "trigger"]) {
        return Err(Error::unsupported("CREATE CONSTRAINT TRIGGER"));
    }
    if !of_trigger.word("trigger") {
        return Ok(None);
    }
    *reader = of_trigger;
    let name = reader.identifier()?;
    let before = match () {
        () if reader.word("before") => true,
        () if reader.word("after") => false,
        () if reader.words(&["instead", "of"]) => return Err(Error::unsupported("CREATE TRIGGER … INSTEAD OF")),
        () => return Err(reader.syntax_error()),
    };
    let (mut events, mut columns) = (TriggerEvents::default(), Vec::new());
    loop {
        event(reader, &mut events, &mut columns)?;
        if !reader.word("or") {
            break;
        }
    }
    reader.expect_word("on")?;
    let table = reader.object_name()?;
    if reader.peek_word("from") || reader.peek_word("deferrable") || reader.peek_word("initially") {
        return Err(reader.syntax_error());
    }
    if reader.word("referencing") {
        return Err(Error::unsupported("CREATE TRIGGER … REFERENCING"));
    }
    let for_rows = match reader.word("for") {
        false => false,
        true => {
            reader.word("each");
            match () {
                () if reader.word("row") => true,
                () if reader.word("statement") => false,
                () => return Err(reader.syntax_error()),
            }
        }
    };
    let condition = if reader.word("when") { Some(expression(reader)?) } else { None };
    reader.expect_word("execute")?;
    if !reader.word("function") && !reader.word("procedure") {
        return Err(reader.syntax_error());
    }
    let function = reader.object_name()?;
    reader.expect_token(&Token::LParen)?;
    let mut args = Vec::new();
    if !reader.token(&Token::RParen) {
        args = list(reader, argument)?;
        reader.expect_token(&Token::RParen)?;
    }
    reader.expect_end()?;
    let new = NewTrigger { name, replace, before, events, columns, table, for_rows, condition, function, args };
    Ok(Some(Definition::CreateTrigger(Box::new(new))))
}

fn event(reader: &mut Reader<'_>, events: &mut TriggerEvents, columns: &mut Vec<String>) -> Result<()> {
    let duplicate = |reader: &Reader<'_>| {
        let message = "duplicate trigger events specified";
        let place = reader.syntax_error().position;
        Error::new(SqlState::SYNTAX_ERROR, message).at(place)
    };
    let at = reader.clone();
    let known = match () {
        () if reader.word("insert") => &mut events.insert,
        () if reader.word("delete") => &mut events.delete,
        () if reader.word("truncate") => &mut events.truncate,
        () if reader.word("update") => {
            if reader.word("of") {
                *columns = list(reader, |reader| reader.identifier())?;
            }
            &mut events.update
        }
        () => return Err(reader.syntax_error()),
    };
    if std::mem::replace(known, true) {
        return Err(duplicate(&at));
    }
    Ok(())
}

/// An argument: a constant or a word, which becomes text.
fn argument(reader: &mut Reader<'_>) -> Result<String> {
    match reader.peek() {
        Some(Token::Number(number, _)) => {
            let number = number.clone();
            reader.advance();
            Ok(number)
        }
        Some(Token::Word(_)) => reader.identifier(),
        _ => reader.string(),
    }
}

/// What follows ALTER TRIGGER.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    let name = reader.identifier()?;
    reader.expect_word("on")?;
    let table = reader.object_name()?;
    if reader.peek_word("depends") || reader.peek_word("no") {
        return Err(Error::unsupported("ALTER TRIGGER … DEPENDS ON EXTENSION"));
    }
    if !reader.words(&["rename", "to"]) {
        return Err(reader.syntax_error());
    }
    Ok(Definition::RenameTrigger { name, table, to: reader.identifier()? })
}

/// What follows DROP TRIGGER.
pub(super) fn drop(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let name = reader.identifier()?;
    reader.expect_word("on")?;
    let table = reader.object_name()?;
    // Nothing depends on a trigger.
    grant::cascade(reader);
    Ok(Definition::DropTrigger { name, table, if_exists })
}

/// ENABLE or DISABLE TRIGGER, as ALTER TABLE says it; None if it is something else.
pub(super) fn switch(reader: &mut Reader<'_>) -> Result<Option<TriggerSwitch>> {
    use TriggerEnabled as Enabled;
    let said = [
        (&["enable", "trigger"] as &[&str], Enabled::Origin),
        (&["enable", "replica", "trigger"], Enabled::Replica),
        (&["enable", "always", "trigger"], Enabled::Always),
        (&["disable", "trigger"], Enabled::Never),
    ];
    let Some((words, enabled)) = said.into_iter().find(|(words, _)| reader.words(words)) else { return Ok(None) };
    let may_be_many = words.len() == 2;
    let which = match () {
        () if may_be_many && reader.word("all") => TriggersNamed::All,
        () if may_be_many && reader.word("user") => TriggersNamed::User,
        () => TriggersNamed::One(reader.identifier()?),
    };
    Ok(Some(TriggerSwitch { enabled, which }))
}
