//! Messages to a client, appended to an output buffer; a message's length is filled in when its end is known.

use engine::Result;
use engine::plan::ColumnDescription;
use engine::session::TransactionStatus;
use engine::types::encoding::Encoding;

use super::startup::ProtocolVersion;

/// A message begun: where its length goes.
#[must_use]
pub(super) struct Open(usize);

pub(super) fn open(out: &mut Vec<u8>, kind: u8) -> Open {
    out.push(kind);
    out.extend_from_slice(&[0; 4]);
    Open(out.len() - 4)
}

/// The messages closed here are bounded far below what four bytes count; those that are not check first.
pub(super) fn close(out: &mut [u8], open: Open) {
    let length = (out.len() - open.0) as u32;
    out[open.0..open.0 + 4].copy_from_slice(&length.to_be_bytes());
}

/// Turns the message that begins at `start`, which is the last one, into the client's encoding: text from `text_at` of its bytes on.
/// A message that the client's encoding cannot say is taken back, 22P05.
pub(super) fn encode(out: &mut Vec<u8>, start: usize, text_at: usize, encoding: Encoding) -> Result<()> {
    if !encoding.is_converting() {
        return Ok(());
    }
    encoding.encode_tail(out, start + text_at).inspect_err(|_| out.truncate(start))?;
    close(out, Open(start + 1));
    Ok(())
}

fn empty(out: &mut Vec<u8>, kind: u8) {
    out.extend_from_slice(&[kind, 0, 0, 0, 4]);
}

/// A text and its zero byte; it ends early at a zero byte of its own, which no reader could tell apart.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    out.extend_from_slice(&bytes[..end]);
    out.push(0);
}

pub(super) fn int16(out: &mut Vec<u8>, value: i16) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn int32(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// The protocol's Int16 count. Relations have at most 1,600 columns, statements at most 65,535 parameters.
pub(super) fn count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u16).to_be_bytes());
}

pub(crate) fn authentication_ok(out: &mut Vec<u8>) {
    authentication(out, 0, &[]);
}

pub(crate) fn authentication_cleartext_password(out: &mut Vec<u8>) {
    authentication(out, 3, &[]);
}

/// Offers SASL mechanisms, the best first.
pub(crate) fn authentication_sasl<'a>(out: &mut Vec<u8>, mechanisms: impl Iterator<Item = &'a str>) {
    let open = open(out, b'R');
    int32(out, 10);
    mechanisms.for_each(|mechanism| text(out, mechanism));
    out.push(0);
    close(out, open);
}

pub(crate) fn authentication_sasl_continue(out: &mut Vec<u8>, data: &[u8]) {
    authentication(out, 11, data);
}

pub(crate) fn authentication_sasl_final(out: &mut Vec<u8>, data: &[u8]) {
    authentication(out, 12, data);
}

fn authentication(out: &mut Vec<u8>, code: i32, data: &[u8]) {
    let open = open(out, b'R');
    int32(out, code);
    out.extend_from_slice(data);
    close(out, open);
}

/// Tells a client that asked for more what is spoken instead.
pub(crate) fn negotiate_protocol_version(out: &mut Vec<u8>, version: ProtocolVersion, unknown: &[String]) {
    let open = open(out, b'v');
    out.extend_from_slice(&version.code().to_be_bytes());
    int32(out, unknown.len() as i32);
    unknown.iter().for_each(|option| text(out, option));
    close(out, open);
}

/// A value that the client's encoding cannot say stays unsaid.
pub(crate) fn parameter_status(out: &mut Vec<u8>, name: &str, value: &str, encoding: Encoding) {
    let start = out.len();
    let open = open(out, b'S');
    text(out, name);
    text(out, value);
    close(out, open);
    let _ = encode(out, start, 5, encoding);
}

/// 22P05 if the client's encoding cannot say it; then nothing is appended.
pub(crate) fn notification_response(
    out: &mut Vec<u8>,
    process_id: i32,
    channel: &str,
    payload: &[u8],
    encoding: Encoding,
) -> Result<()> {
    let start = out.len();
    let open = open(out, b'A');
    int32(out, process_id);
    text(out, channel);
    out.extend_from_slice(payload);
    out.push(0);
    close(out, open);
    encode(out, start, 9, encoding)
}

pub(crate) fn backend_key_data(out: &mut Vec<u8>, process_id: i32, key: &[u8]) {
    let open = open(out, b'K');
    int32(out, process_id);
    out.extend_from_slice(key);
    close(out, open);
}

pub(crate) fn ready_for_query(out: &mut Vec<u8>, status: TransactionStatus) {
    let status = match status {
        TransactionStatus::Idle => b'I',
        TransactionStatus::Open => b'T',
        TransactionStatus::Failed => b'E',
    };
    out.extend_from_slice(&[b'Z', 0, 0, 0, 5, status]);
}

pub(crate) fn parse_complete(out: &mut Vec<u8>) {
    empty(out, b'1');
}

pub(crate) fn bind_complete(out: &mut Vec<u8>) {
    empty(out, b'2');
}

pub(crate) fn close_complete(out: &mut Vec<u8>) {
    empty(out, b'3');
}

pub(crate) fn no_data(out: &mut Vec<u8>) {
    empty(out, b'n');
}

pub(crate) fn portal_suspended(out: &mut Vec<u8>) {
    empty(out, b's');
}

pub(crate) fn empty_query_response(out: &mut Vec<u8>) {
    empty(out, b'I');
}

pub(crate) fn command_complete(out: &mut Vec<u8>, tag: &str) {
    let open = open(out, b'C');
    text(out, tag);
    close(out, open);
}

pub(crate) fn parameter_description(out: &mut Vec<u8>, types: &[u32]) {
    let open = open(out, b't');
    count(out, types.len());
    for oid in types {
        out.extend_from_slice(&oid.to_be_bytes());
    }
    close(out, open);
}

/// `formats`: one a column; a column without is text. 22P05 for a name that the client's encoding cannot say; then nothing is
/// appended.
pub(crate) fn row_description(
    out: &mut Vec<u8>,
    columns: &[ColumnDescription],
    formats: &[i16],
    encoding: Encoding,
) -> Result<()> {
    let start = out.len();
    let open = open(out, b'T');
    count(out, columns.len());
    for (at, column) in columns.iter().enumerate() {
        let name_at = out.len();
        text(out, &column.name);
        encoding.encode_tail(out, name_at).inspect_err(|_| out.truncate(start))?;
        out.extend_from_slice(&column.table.to_be_bytes());
        out.extend_from_slice(&column.number.to_be_bytes());
        out.extend_from_slice(&column.ty.oid.to_be_bytes());
        int16(out, column.length);
        int32(out, column.ty.modifier);
        int16(out, formats.get(at).copied().unwrap_or(0));
    }
    close(out, open);
    Ok(())
}

/// Which way a COPY goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyDirection {
    In,
    Out,
}

pub(crate) fn copy_response(out: &mut Vec<u8>, direction: CopyDirection, columns: usize, is_binary: bool) {
    let open = open(
        out,
        match direction {
            CopyDirection::In => b'G',
            CopyDirection::Out => b'H',
        },
    );
    out.push(u8::from(is_binary));
    count(out, columns);
    for _ in 0..columns {
        int16(out, i16::from(is_binary));
    }
    close(out, open);
}

/// One row of a COPY; rows are far shorter than the length field counts.
pub(crate) fn copy_data(out: &mut Vec<u8>, data: &[u8]) {
    let open = open(out, b'd');
    out.extend_from_slice(data);
    close(out, open);
}

pub(crate) fn copy_done(out: &mut Vec<u8>) {
    empty(out, b'c');
}

#[cfg(test)]
mod tests;
