//! Statements about jobs, and about where the rows of a table lie. Those that only show something are queries of the
//! relations that tell it.

use datafusion::sql::sqlparser::ast::ObjectName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::reader::Reader;
use super::{Statement, parse_query};
use crate::error::Result;

/// What is listed for whoever may see it, be it a role that may read `system` or not.
#[derive(Debug, Clone)]
pub enum Listing {
    Namespaces,
    Tables {
        /// None: in all of them.
        namespace: Option<String>,
    },
    /// The columns that a table had when.
    History(ObjectName),
}

/// KILL JOB.
pub(super) fn kill(reader: &mut Reader) -> Result<Statement> {
    if reader.words(&["live", "query"]) {
        return Ok(Statement::KillLiveQuery(reader.string()?));
    }
    reader.expect_word("job")?;
    Ok(Statement::KillJob(reader.string()?))
}

/// SHOW JOBS, STORAGES, USERS, NAMESPACES, TABLES and STATS FOR TABLE; `None` if it is none of them. A name that goes on
/// behind a period is a setting's.
pub(super) fn show(reader: &mut Reader) -> Result<Option<Statement>> {
    let mut ahead = reader.clone();
    ahead.advance();
    if ahead.peek() == Some(&Token::Period) {
        return Ok(None);
    }
    let query = if reader.word("jobs") {
        "SELECT * FROM system.jobs ORDER BY created_at, job_id"
    } else if reader.word("storages") {
        "SELECT * FROM system.storages ORDER BY name"
    } else if reader.word("users") {
        "SELECT user_id, username, role, auth_type, can_login, last_login_at, created_at
         FROM system.users ORDER BY username"
    } else if reader.word("namespaces") {
        return Ok(Some(Statement::ShowListing(Listing::Namespaces)));
    } else if reader.word("tables") {
        let namespace = if reader.word("in") { Some(reader.identifier()?) } else { None };
        return Ok(Some(Statement::ShowListing(Listing::Tables { namespace })));
    } else if reader.words(&["stats", "for", "table"]) {
        return Ok(Some(Statement::ShowStats(reader.object_name()?)));
    } else {
        return Ok(None);
    };
    Ok(Some(Statement::Query(parse_query(query)?)))
}

/// DESCRIBE TABLE.
pub(super) fn describe(reader: &mut Reader) -> Result<Statement> {
    reader.expect_word("table")?;
    let name = reader.object_name()?;
    if reader.word("history") {
        return Ok(Statement::ShowListing(Listing::History(name)));
    }
    let query = format!(
        "SELECT a.attname::text AS column_name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS data_type,
                NOT a.attnotnull AS is_nullable, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS column_default,
                EXISTS (SELECT FROM pg_catalog.pg_index i
                        WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS is_key
         FROM pg_catalog.pg_attribute a
         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = {}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
         ORDER BY a.attnum",
        literal(&name)
    );
    Ok(Statement::Query(parse_query(&query)?))
}

/// A name as a string.
fn literal(name: &ObjectName) -> String {
    format!("'{}'", name.to_string().replace('\'', "''"))
}
