//! VACUUM and ANALYZE.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::reader::Reader;
use super::utility::{setting_value, switch};
use super::{Maintenance, MaintenanceKind, Statement};
use crate::error::{Error, Result, SqlState};

/// What may stand in parentheses behind VACUUM. Most of it says how PostgreSQL is to go about a heap that there is none of
/// here.
const VACUUM_OPTIONS: [&str; 9] = [
    "full",
    "freeze",
    "verbose",
    "analyze",
    "disable_page_skipping",
    "skip_locked",
    "process_toast",
    "truncate",
    "only_database_stats",
];
const ANALYZE_OPTIONS: [&str; 2] = ["verbose", "skip_locked"];

pub(super) fn vacuum(reader: &mut Reader) -> Result<Statement> {
    let mut maintenance = Maintenance { kind: MaintenanceKind::Vacuum, ..Maintenance::default() };
    if reader.token(&Token::LParen) {
        options(reader, &mut maintenance, "VACUUM", &VACUUM_OPTIONS)?;
    } else {
        reader.word("full");
        reader.word("freeze");
        maintenance.verbose = reader.word("verbose");
        if reader.word("analyze") || reader.word("analyse") {
            maintenance.kind = MaintenanceKind::VacuumAnalyze;
        }
    }
    tables(reader, &mut maintenance)?;
    let names_columns = maintenance.tables.iter().any(|(_, columns)| !columns.is_empty());
    if names_columns && maintenance.kind == MaintenanceKind::Vacuum {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "ANALYZE option must be specified when a column list is provided",
        ));
    }
    Ok(Statement::Maintain(maintenance))
}

pub(super) fn analyze(reader: &mut Reader) -> Result<Statement> {
    let mut maintenance = Maintenance::default();
    if reader.token(&Token::LParen) {
        options(reader, &mut maintenance, "ANALYZE", &ANALYZE_OPTIONS)?;
    } else {
        maintenance.verbose = reader.word("verbose");
    }
    tables(reader, &mut maintenance)?;
    Ok(Statement::Maintain(maintenance))
}

fn options(reader: &mut Reader, maintenance: &mut Maintenance, statement: &str, known: &[&str]) -> Result<()> {
    loop {
        let mut option = reader.identifier()?;
        if option == "analyse" {
            option = "analyze".to_owned();
        }
        // These two take a word or a number.
        let is_switch = !matches!(option.as_str(), "index_cleanup" | "parallel") || statement == "ANALYZE";
        if is_switch && !known.contains(&option.as_str()) {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("unrecognized {statement} option \"{option}\"")));
        }
        let value = match reader.peek() {
            Some(Token::Comma | Token::RParen) => None,
            _ => Some(setting_value(reader)?.to_lowercase()),
        };
        if is_switch {
            let on = value.map_or(Ok(true), |value| switch(&option, &value))?;
            match option.as_str() {
                "analyze" if on => maintenance.kind = MaintenanceKind::VacuumAnalyze,
                "verbose" => maintenance.verbose = on,
                _ => {}
            }
        }
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)
}

fn tables(reader: &mut Reader, maintenance: &mut Maintenance) -> Result<()> {
    while !reader.at_end() {
        let table = reader.object_name()?;
        let mut columns = Vec::new();
        if reader.token(&Token::LParen) {
            loop {
                columns.push(reader.identifier()?);
                if !reader.token(&Token::Comma) {
                    break;
                }
            }
            reader.expect_token(&Token::RParen)?;
        }
        maintenance.tables.push((table, columns));
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    Ok(())
}
