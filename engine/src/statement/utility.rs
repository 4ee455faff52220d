//! The utility statements: transactions, settings, prepared statements, maintenance.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;
use storage::TableLock;

use super::copy::parse_copy;
use super::cursor;
use super::definition::{Definition, RoleName, TableSource, body_text, own_name};
use super::execute_as::execute_as;
use super::job;
use super::parse::parse_tokens;
use super::reader::Reader;
use super::{
    DiscardTarget, DoBlock, ExplainFormat, ExplainOptions, IsolationLevel, ResetTarget, ShowTarget, Statement,
    TransactionModes,
};
use super::{backup, live, maintenance, notify, register, storage_move};
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{IntervalStyle, parse_interval};

/// The statements that frame every transaction, recognised without taking the text apart.
pub(super) fn quick(text: &str) -> Option<Statement> {
    if text.len() > 16 {
        return None;
    }
    let word = text.trim_end_matches([';', ' ', '\n']).trim_start();
    if word.eq_ignore_ascii_case("begin") {
        Some(Statement::Begin { modes: TransactionModes::default(), tag: "BEGIN" })
    } else if word.eq_ignore_ascii_case("commit") || word.eq_ignore_ascii_case("end") {
        Some(Statement::Commit { chain: false })
    } else if word.eq_ignore_ascii_case("rollback") {
        Some(Statement::Rollback { chain: false })
    } else {
        None
    }
}

/// Parses a utility statement; None if the tokens begin another kind.
pub(super) fn parse(text: &str, reader: &mut Reader) -> Result<Option<Statement>> {
    let Some(Token::Word(first)) = reader.peek() else { return Ok(None) };
    let verb = first.value.to_ascii_lowercase();
    let starts_known = matches!(
        verb.as_str(),
        "begin"
            | "start"
            | "commit"
            | "end"
            | "rollback"
            | "abort"
            | "savepoint"
            | "release"
            | "prepare"
            | "execute"
            | "deallocate"
            | "set"
            | "reset"
            | "show"
            | "discard"
            | "explain"
            | "vacuum"
            | "analyze"
            | "analyse"
            | "checkpoint"
            | "storage"
            | "backup"
            | "restore"
            | "register"
            | "unregister"
            | "optimize"
            | "purge"
            | "kill"
            | "describe"
            | "lock"
            | "copy"
            | "declare"
            | "fetch"
            | "move"
            | "close"
            | "listen"
            | "live"
            | "unlisten"
            | "notify"
            | "do"
            | "call"
            | "load"
            | "security"
            | "import"
    );
    if !starts_known {
        return Ok(None);
    }
    reader.advance();
    let statement = match verb.as_str() {
        "prepare" => prepare(text, reader)?,
        "execute" if reader.words(&["as", "user"]) => execute_as(text, reader)?,
        "execute" => execute(reader)?,
        "deallocate" => deallocate(reader)?,
        "set" => set(reader)?,
        "reset" => reset(reader)?,
        "show" => show(reader)?,
        "discard" => discard(reader)?,
        "explain" => explain(text, reader)?,
        "vacuum" => maintenance::vacuum(reader)?,
        "analyze" | "analyse" => maintenance::analyze(reader)?,
        "checkpoint" => Statement::Checkpoint,
        "storage" => storage_move::storage(reader)?,
        "backup" => backup::backup(reader)?,
        "restore" => backup::restore(reader)?,
        "register" | "unregister" => register::register(reader, &verb)?,
        "optimize" => storage_move::optimize(reader)?,
        "purge" => purge(reader)?,
        "kill" => job::kill(reader)?,
        "describe" => job::describe(reader)?,
        "lock" => lock(reader)?,
        "copy" => Statement::Copy(Box::new(parse_copy(text, reader)?)),
        "declare" => cursor::declare(text, reader)?,
        "fetch" | "move" => cursor::fetch(reader, verb == "move")?,
        "close" => cursor::close(reader)?,
        "listen" => notify::listen(text, reader)?,
        "live" => live::live_select(text, reader)?,
        "unlisten" => notify::unlisten(reader)?,
        "notify" => notify::notify(reader)?,
        "call" => call(reader)?,
        "do" => do_block(reader)?,
        "load" | "security" | "import" => {
            return Err(Error::unsupported(verb.to_uppercase()));
        }
        _ => transaction_verb(&verb, reader)?,
    };
    Ok(Some(statement))
}

/// What follows DO: a body, and its language before or behind it.
fn do_block(reader: &mut Reader) -> Result<Statement> {
    let (mut language, mut body) = (None, None);
    while !reader.at_end() {
        let is_repeated = if reader.word("language") {
            let said = match reader.peek() {
                Some(Token::Word(_)) => reader.identifier()?,
                _ => reader.string()?,
            };
            language.replace(said).is_some()
        } else {
            body.replace(body_text(reader)?).is_some()
        };
        if is_repeated {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
        }
    }
    let body = body.ok_or_else(|| Error::new(SqlState::SYNTAX_ERROR, "no inline code specified"))?;
    Ok(Statement::Do(Box::new(DoBlock { language, body })))
}

fn transaction_verb(verb: &str, reader: &mut Reader) -> Result<Statement> {
    match verb {
        "begin" => {
            let _ = reader.word("work") || reader.word("transaction");
            Ok(Statement::Begin { modes: transaction_modes(reader)?, tag: "BEGIN" })
        }
        "start" => {
            reader.expect_word("transaction")?;
            Ok(Statement::Begin { modes: transaction_modes(reader)?, tag: "START TRANSACTION" })
        }
        "commit" if reader.word("prepared") => Err(Error::unsupported("COMMIT PREPARED")),
        "commit" | "end" => {
            let _ = reader.word("work") || reader.word("transaction");
            Ok(Statement::Commit { chain: chain(reader)? })
        }
        "rollback" if reader.word("prepared") => Err(Error::unsupported("ROLLBACK PREPARED")),
        "rollback" | "abort" => {
            let _ = reader.word("work") || reader.word("transaction");
            if verb == "rollback" && reader.word("to") {
                reader.word("savepoint");
                return Ok(Statement::RollbackTo(reader.identifier()?));
            }
            Ok(Statement::Rollback { chain: chain(reader)? })
        }
        "savepoint" => Ok(Statement::Savepoint(reader.identifier()?)),
        _ => {
            reader.word("savepoint");
            Ok(Statement::Release(reader.identifier()?))
        }
    }
}

fn chain(reader: &mut Reader) -> Result<bool> {
    if !reader.word("and") {
        return Ok(false);
    }
    let no = reader.word("no");
    reader.expect_word("chain")?;
    Ok(!no)
}

fn transaction_modes(reader: &mut Reader) -> Result<TransactionModes> {
    let mut modes = TransactionModes::default();
    let mut first = true;
    while !reader.at_end() {
        if !first {
            reader.token(&Token::Comma);
        }
        first = false;
        if reader.words(&["isolation", "level"]) {
            modes.isolation = Some(if reader.word("serializable") {
                IsolationLevel::Serializable
            } else if reader.words(&["repeatable", "read"]) {
                IsolationLevel::RepeatableRead
            } else if reader.words(&["read", "committed"]) {
                IsolationLevel::ReadCommitted
            } else if reader.words(&["read", "uncommitted"]) {
                IsolationLevel::ReadUncommitted
            } else {
                return Err(reader.syntax_error());
            });
        } else if reader.words(&["read", "only"]) {
            modes.read_only = Some(true);
        } else if reader.words(&["read", "write"]) {
            modes.read_only = Some(false);
        } else if reader.words(&["not", "deferrable"]) {
            modes.deferrable = Some(false);
        } else if reader.word("deferrable") {
            modes.deferrable = Some(true);
        } else {
            return Err(reader.syntax_error());
        }
    }
    Ok(modes)
}

fn prepare(text: &str, reader: &mut Reader) -> Result<Statement> {
    if reader.word("transaction") {
        return Err(Error::unsupported("PREPARE TRANSACTION"));
    }
    let name = reader.identifier()?;
    let mut types = Vec::new();
    if reader.token(&Token::LParen) {
        loop {
            types.push(reader.parsed(|parser| parser.parse_data_type())?);
            if !reader.token(&Token::Comma) {
                break;
            }
        }
        reader.expect_token(&Token::RParen)?;
    }
    reader.expect_word("as")?;
    let statement = parse_tokens(text, reader.rest())?;
    while reader.advance().is_some() {}
    match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => Ok(Statement::Prepare { name, types, statement: Box::new(statement) }),
        _ => Err(Error::new(SqlState::SYNTAX_ERROR, "only SELECT, INSERT, UPDATE, DELETE and VALUES can be prepared")),
    }
}

pub(super) fn execute(reader: &mut Reader) -> Result<Statement> {
    let name = reader.identifier()?;
    let mut arguments = Vec::new();
    if reader.token(&Token::LParen) {
        loop {
            arguments.push(reader.parsed(|parser| parser.parse_expr())?);
            if !reader.token(&Token::Comma) {
                break;
            }
        }
        reader.expect_token(&Token::RParen)?;
    }
    Ok(Statement::Execute { name, arguments })
}

fn purge(reader: &mut Reader) -> Result<Statement> {
    reader.expect_word("user")?;
    let if_exists = reader.words(&["if", "exists"]);
    match own_name(reader)? {
        RoleName::Named(name) => Ok(Statement::PurgeUser { name, if_exists }),
        _ => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "cannot use special role specifier in PURGE USER")),
    }
}

fn call(reader: &mut Reader) -> Result<Statement> {
    let place = reader.clone();
    match reader.parsed(|parser| parser.parse_expr())? {
        ast::Expr::Function(call) if matches!(call.args, ast::FunctionArguments::List(_)) => {
            Ok(Statement::Call(Box::new(call)))
        }
        // A name alone lacks what follows.
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => Err(reader.syntax_error()),
        _ => Err(place.syntax_error()),
    }
}

fn deallocate(reader: &mut Reader) -> Result<Statement> {
    reader.word("prepare");
    if reader.word("all") {
        return Ok(Statement::Deallocate(None));
    }
    Ok(Statement::Deallocate(Some(reader.identifier()?)))
}

fn set(reader: &mut Reader) -> Result<Statement> {
    let local = reader.word("local");
    let session = !local && reader.word("session");
    if session && reader.words(&["characteristics", "as", "transaction"]) {
        return Ok(Statement::SetTransaction { session: true, modes: transaction_modes(reader)? });
    }
    if reader.word("authorization") || local && reader.words(&["session", "authorization"]) {
        let role = role_or_default(reader)?;
        return Ok(Statement::SetSessionAuthorization { local, role });
    }
    if reader.word("transaction") {
        if reader.word("snapshot") {
            return Ok(Statement::SetSnapshot(reader.string()?));
        }
        return Ok(Statement::SetTransaction { session: false, modes: transaction_modes(reader)? });
    }
    if reader.word("constraints") {
        return set_constraints(reader);
    }
    if reader.word("role") {
        return Ok(Statement::SetRole { local, role: role_or_default(reader)? });
    }
    let name = if reader.words(&["time", "zone"]) {
        let value = match reader.word("interval") {
            true => Some(vec![zone_of_interval(reader)?]),
            false => setting_values(reader, &["local"])?,
        };
        return Ok(Statement::Set { local, name: "timezone".to_owned(), value });
    } else if reader.word("names") {
        return Ok(Statement::Set { local, name: "client_encoding".to_owned(), value: setting_values(reader, &[])? });
    } else {
        setting_name(reader)?
    };
    if !reader.word("to") && !reader.token(&Token::Eq) {
        return Err(reader.syntax_error());
    }
    Ok(Statement::Set { local, name, value: setting_values(reader, &[])? })
}

/// The rest of `SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE`, as the name that PostgreSQL gives such a zone: it counts
/// westwards.
fn zone_of_interval(reader: &mut Reader) -> Result<String> {
    let text = reader.string()?;
    if reader.word("hour") {
        if reader.word("to") {
            reader.expect_word("minute")?;
        }
    } else if matches!(reader.peek(), Some(Token::Word(_))) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "time zone interval must be HOUR or HOUR TO MINUTE"));
    }
    let interval = parse_interval(&text, -1, IntervalStyle::Postgres)?;
    let refused = |detail: &str| {
        let words = format!("invalid value for parameter \"TimeZone\": \"INTERVAL '{text}'\"");
        Error::new(SqlState::INVALID_PARAMETER_VALUE, words).with_detail(detail)
    };
    if interval.months != 0 {
        return Err(refused("Cannot specify months in time zone interval."));
    }
    if interval.days != 0 {
        return Err(refused("Cannot specify days in time zone interval."));
    }
    let east = interval.microseconds / 1_000_000;
    let (hours, minutes, seconds) = (east.abs() / 3600, east.abs() / 60 % 60, east.abs() % 60);
    let distance = match (minutes, seconds) {
        (0, 0) => format!("{hours:02}"),
        (_, 0) => format!("{hours:02}:{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    };
    let (own, other) = if east < 0 { ('-', '+') } else { ('+', '-') };
    Ok(format!("<{own}{distance}>{other}{distance}"))
}

fn set_constraints(reader: &mut Reader) -> Result<Statement> {
    let names = if reader.word("all") {
        None
    } else {
        let mut names = vec![reader.object_name()?];
        while reader.token(&Token::Comma) {
            names.push(reader.object_name()?);
        }
        Some(names)
    };
    let deferred = reader.word("deferred");
    if !deferred {
        reader.expect_word("immediate")?;
    }
    Ok(Statement::SetConstraints { names, deferred })
}

fn role_or_default(reader: &mut Reader) -> Result<Option<String>> {
    let _ = reader.word("to") || reader.token(&Token::Eq);
    if reader.word("none") || reader.word("default") {
        return Ok(None);
    }
    match reader.peek() {
        Some(Token::SingleQuotedString(_)) => reader.string().map(Some),
        _ => reader.identifier().map(Some),
    }
}

fn setting_name(reader: &mut Reader) -> Result<String> {
    let mut name = reader.identifier()?;
    while reader.token(&Token::Period) {
        name.push('.');
        name.push_str(&reader.identifier()?);
    }
    Ok(name)
}

/// A comma-separated list of words, strings and numbers; None for DEFAULT (and for the given synonyms).
fn setting_values(reader: &mut Reader, defaults: &[&str]) -> Result<Option<Vec<String>>> {
    if reader.word("default") || defaults.iter().any(|word| reader.word(word)) {
        return Ok(None);
    }
    let mut values = Vec::new();
    loop {
        values.push(setting_value(reader)?);
        if !reader.token(&Token::Comma) {
            return Ok(Some(values));
        }
    }
}

pub(super) fn setting_value(reader: &mut Reader) -> Result<String> {
    let sign = if reader.token(&Token::Minus) {
        "-"
    } else {
        reader.token(&Token::Plus);
        ""
    };
    match reader.peek() {
        Some(Token::Number(digits, _)) => {
            let value = format!("{sign}{digits}");
            reader.advance();
            Ok(value)
        }
        _ if !sign.is_empty() => Err(reader.syntax_error()),
        Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("interval") => {
            reader.advance();
            reader.string()
        }
        Some(Token::Word(_)) => reader.identifier(),
        _ => reader.string(),
    }
}

fn reset(reader: &mut Reader) -> Result<Statement> {
    if reader.word("all") {
        return Ok(Statement::Reset(ResetTarget::All));
    }
    if reader.word("role") {
        return Ok(Statement::Reset(ResetTarget::Role));
    }
    if reader.words(&["session", "authorization"]) {
        return Ok(Statement::Reset(ResetTarget::SessionAuthorization));
    }
    let name = if reader.words(&["time", "zone"]) {
        "timezone".to_owned()
    } else if reader.words(&["transaction", "isolation", "level"]) {
        "transaction_isolation".to_owned()
    } else {
        setting_name(reader)?
    };
    Ok(Statement::Reset(ResetTarget::Name(name)))
}

fn show(reader: &mut Reader) -> Result<Statement> {
    if let Some(statement) = job::show(reader)? {
        return Ok(statement);
    }
    if reader.word("all") {
        return Ok(Statement::Show(ShowTarget::All));
    }
    let name = if reader.words(&["time", "zone"]) {
        "timezone".to_owned()
    } else if reader.words(&["transaction", "isolation", "level"]) {
        "transaction_isolation".to_owned()
    } else if reader.words(&["session", "authorization"]) {
        "session_authorization".to_owned()
    } else {
        setting_name(reader)?
    };
    Ok(Statement::Show(ShowTarget::Name(name)))
}

fn discard(reader: &mut Reader) -> Result<Statement> {
    let target = if reader.word("all") {
        DiscardTarget::All
    } else if reader.word("plans") {
        DiscardTarget::Plans
    } else if reader.word("sequences") {
        DiscardTarget::Sequences
    } else if reader.word("temp") || reader.word("temporary") {
        DiscardTarget::Temporary
    } else {
        return Err(reader.syntax_error());
    };
    Ok(Statement::Discard(target))
}

fn explain(text: &str, reader: &mut Reader) -> Result<Statement> {
    let mut options = ExplainOptions::default();
    // Parentheses may be the statement's own.
    let mut inside = reader.clone();
    let of_query = inside.token(&Token::LParen)
        && (inside.peek() == Some(&Token::LParen)
            || ["select", "values", "with", "table"].iter().any(|word| inside.peek_word(word)));
    if !of_query && reader.token(&Token::LParen) {
        loop {
            explain_option(reader, &mut options)?;
            if !reader.token(&Token::Comma) {
                break;
            }
        }
        reader.expect_token(&Token::RParen)?;
        check_explain_options(options)?;
    } else {
        options.analyze = reader.word("analyze") || reader.word("analyse");
        options.verbose = reader.word("verbose");
    }
    let statement = queried(parse_tokens(text, reader.rest())?, options.analyze)?;
    while reader.advance().is_some() {}
    match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Execute { .. } => Ok(Statement::Explain { options, statement: Box::new(statement) }),
        _ => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "EXPLAIN takes SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE, EXECUTE, DECLARE or CREATE … AS",
        )),
    }
}

/// The query of a statement that keeps a query's rows; any other statement as it is.
fn queried(statement: Statement, analyze: bool) -> Result<Statement> {
    let definition = match statement {
        Statement::Declare(declaration) => return Ok(*declaration.query),
        Statement::Definition(definition) => definition,
        other => return Ok(other),
    };
    let source = match *definition {
        Definition::CreateTableAs(new) => new.source,
        Definition::CreateMaterialized(new) => TableSource::Query(new.view.query),
        other => return Ok(Statement::Definition(Box::new(other))),
    };
    if analyze {
        return Err(Error::unsupported("EXPLAIN ANALYZE of a statement that makes a table"));
    }
    Ok(match source {
        TableSource::Query(query) => Statement::Query(query),
        TableSource::Execute { name, arguments } => Statement::Execute { name, arguments },
    })
}

/// Errors for what is asked for only together with ANALYZE.
fn check_explain_options(options: ExplainOptions) -> Result<()> {
    let needless = [("WAL", options.wal), ("TIMING", options.timing == Some(true))];
    match needless.into_iter().find(|(_, said)| *said && !options.analyze) {
        Some((name, _)) => {
            let message = format!("EXPLAIN option {name} requires ANALYZE");
            Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message))
        }
        None if options.wal => Err(Error::unsupported("EXPLAIN (WAL)")),
        None => Ok(()),
    }
}

fn explain_option(reader: &mut Reader, options: &mut ExplainOptions) -> Result<()> {
    let name = reader.identifier()?;
    let value = match reader.peek() {
        Some(Token::Comma | Token::RParen) => "true".to_owned(),
        _ => setting_value(reader)?.to_lowercase(),
    };
    if name == "format" {
        options.format = match value.as_str() {
            "text" => ExplainFormat::Text,
            "json" => ExplainFormat::Json,
            "yaml" => ExplainFormat::Yaml,
            "xml" => ExplainFormat::Xml,
            _ => {
                let message = format!("unrecognized value for EXPLAIN option \"format\": \"{value}\"");
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
            }
        };
        return Ok(());
    }
    let value = switch(&name, &value)?;
    match name.as_str() {
        "analyze" => options.analyze = value,
        "verbose" => options.verbose = value,
        "costs" => options.costs = value,
        "timing" => options.timing = Some(value),
        "summary" => options.summary = Some(value),
        "buffers" => options.buffers = value,
        // No setting guides a plan, so there is none to tell of.
        "settings" => {}
        "wal" => options.wal = value,
        _ => {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("unrecognized EXPLAIN option \"{name}\"")));
        }
    }
    Ok(())
}

fn lock(reader: &mut Reader) -> Result<Statement> {
    reader.word("table");
    let mut tables = Vec::new();
    loop {
        reader.word("only");
        tables.push(reader.object_name()?);
        // The partitions too, which is the default.
        reader.token(&Token::Mul);
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    let mut mode = TableLock::AccessExclusive;
    if reader.word("in") {
        mode = lock_mode(reader)?;
        reader.expect_word("mode")?;
    }
    let no_wait = reader.word("nowait");
    Ok(Statement::Lock { tables, mode, no_wait })
}

fn lock_mode(reader: &mut Reader) -> Result<TableLock> {
    const MODES: [(&[&str], TableLock); 8] = [
        (&["access", "share"], TableLock::AccessShare),
        (&["access", "exclusive"], TableLock::AccessExclusive),
        (&["row", "share"], TableLock::RowShare),
        (&["row", "exclusive"], TableLock::RowExclusive),
        (&["share", "update", "exclusive"], TableLock::ShareUpdateExclusive),
        (&["share", "row", "exclusive"], TableLock::ShareRowExclusive),
        (&["share"], TableLock::Share),
        (&["exclusive"], TableLock::Exclusive),
    ];
    for (words, mode) in MODES {
        if reader.words(words) {
            return Ok(mode);
        }
    }
    Err(reader.syntax_error())
}

/// What an option that is on or off was set to.
pub(super) fn switch(option: &str, value: &str) -> Result<bool> {
    match value {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(SqlState::SYNTAX_ERROR, format!("{option} requires a Boolean value"))),
    }
}
