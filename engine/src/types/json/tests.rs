use storage::Value;

use super::{check, document_text, read_document};
use crate::types::binary::{parse_binary, write_binary};
use crate::types::text::Format;
use crate::types::{Type, oid};

fn printed(text: &str) -> String {
    match read_document(text).unwrap() {
        Value::Jsonb(bytes) => document_text(&bytes),
        other => panic!("{other:?}"),
    }
}

fn refused(text: &str, detail: &str, context: &str) {
    let error = check(text).unwrap_err();
    assert_eq!(error.sql_state().0, "22P02");
    assert_eq!(error.detail.as_deref(), Some(detail), "{text}");
    assert_eq!(error.context.as_deref(), Some(context), "{text}");
}

#[test]
fn documents_are_canonical() {
    assert_eq!(
        printed(r#" {"bb":1.00, "a":[ true,null , "x\ny\u00e4"],"bb":{"":-0.0e1}} "#),
        r#"{"a": [true, null, "x\ny"#.to_owned() + "ä" + r#""], "bb": {"": 0}}"#
    );
    assert_eq!(printed("1e3"), "1000");
    assert_eq!(printed(r#""\ud83d\ude04""#), "\"😄\"");
}

#[test]
fn errors_are_postgresqls() {
    refused("", "The input string ended unexpectedly.", "JSON data, line 1: ");
    refused("{\"a\":1,\n x}", "Token \"x\" is invalid.", "JSON data, line 2:  x...");
    refused("[1,2,]", "Expected JSON value, but found \"]\".", "JSON data, line 1: [1,2,]");
    refused("[1 2]", "Expected \",\" or \"]\", but found \"2\".", "JSON data, line 1: [1 2...");
    refused("{1:2}", "Expected string or \"}\", but found \"1\".", "JSON data, line 1: {1...");
    refused("01", "Token \"01\" is invalid.", "JSON data, line 1: 01");
    refused("1 1", "Expected end of input, but found \"1\".", "JSON data, line 1: 1 1");
    refused("\"\\v\"", "Escape sequence \"\\v\" is invalid.", "JSON data, line 1: \"\\v...");
    refused("\"abc", "Token \"\"abc\" is invalid.", "JSON data, line 1: \"abc");
}

#[test]
fn nesting_is_bounded() {
    assert!(read_document(&("[".repeat(500) + &"]".repeat(500))).is_ok());
    assert_eq!(check(&"[".repeat(100_000)).unwrap_err().sql_state().0, "54001");
}

#[test]
fn documents_go_over_the_wire_behind_a_version() {
    let document = read_document("{\"a\": [1.50]}").unwrap();
    let mut bytes = Vec::new();
    write_binary(document.as_ref(), oid::JSONB, &Format::default(), &mut bytes).expect("UTF-8 says all");
    assert_eq!(bytes, b"\x01{\"a\": [1.50]}");
    let jsonb = Type::new(oid::JSONB);
    assert_eq!(parse_binary(&bytes, jsonb, 1, &Format::default()).unwrap(), document);
    assert_eq!(parse_binary(b"\x02{}", jsonb, 1, &Format::default()).unwrap_err().sql_state().0, "XX000");
    assert_eq!(parse_binary(b"", jsonb, 1, &Format::default()).unwrap_err().sql_state().0, "08P01");
    assert_eq!(parse_binary(b"\x01{", jsonb, 1, &Format::default()).unwrap_err().sql_state().0, "22P02");
    assert_eq!(parse_binary(b"{", Type::new(oid::JSON), 1, &Format::default()).unwrap_err().sql_state().0, "22P02");
}
