//! Statements about jobs, and about where the rows of a table lie. Those that only show something are queries of the
//! relations that tell it.

use datafusion::sql::sqlparser::ast::ObjectName;

use super::reader::Reader;
use super::{Statement, parse_query};
use crate::error::{Error, Result};

/// KILL JOB.
pub(super) fn kill(reader: &mut Reader) -> Result<Statement> {
    if reader.words(&["live", "query"]) {
        return Ok(Statement::KillLiveQuery(reader.string()?));
    }
    reader.expect_word("job")?;
    Ok(Statement::KillJob(reader.string()?))
}

/// SHOW JOBS, SHOW STORAGES, SHOW STATS FOR TABLE; `None` if it is none of them.
pub(super) fn show(reader: &mut Reader) -> Result<Option<Statement>> {
    if reader.word("jobs") {
        let query = "SELECT * FROM system.jobs ORDER BY created_at, job_id";
        return Ok(Some(Statement::Query(parse_query(query)?)));
    }
    if reader.word("storages") {
        let query = "SELECT * FROM system.storages ORDER BY name";
        return Ok(Some(Statement::Query(parse_query(query)?)));
    }
    if reader.words(&["stats", "for", "table"]) {
        return Ok(Some(Statement::ShowStats(reader.object_name()?)));
    }
    Ok(None)
}

/// DESCRIBE TABLE.
pub(super) fn describe(reader: &mut Reader) -> Result<Statement> {
    reader.expect_word("table")?;
    let name = reader.object_name()?;
    if reader.peek_word("history") {
        return Err(Error::unsupported("DESCRIBE TABLE … HISTORY"));
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
