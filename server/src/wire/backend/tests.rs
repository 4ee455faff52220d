use engine::types::Type;
use engine::{Error, SqlState};

use super::*;
use crate::wire::error::{Severity, report};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = b"before".to_vec();
    write(&mut out);
    out.split_off(6)
}

#[test]
fn lengths_count_themselves_and_what_follows() {
    assert_eq!(written(|out| command_complete(out, "SELECT 1")), b"C\0\0\0\x0dSELECT 1\0");
    assert_eq!(written(parse_complete), b"1\0\0\0\x04");
    assert_eq!(written(|out| ready_for_query(out, TransactionStatus::Failed)), b"Z\0\0\0\x05E");
    assert_eq!(written(authentication_ok), b"R\0\0\0\x08\0\0\0\0");
    assert_eq!(written(|out| parameter_status(out, "a", "b", Encoding::UTF8)), b"S\0\0\0\x08a\0b\0");
}

#[test]
fn mechanisms_end_with_an_empty_name() {
    let offer = written(|out| authentication_sasl(out, ["A", "BC"].into_iter()));
    assert_eq!(offer, b"R\0\0\0\x0e\0\0\0\x0aA\0BC\0\0");
}

#[test]
fn older_versions_are_offered_with_what_is_not_known() {
    let unknown = ["_pq_.x".to_owned()];
    let answer = written(|out| negotiate_protocol_version(out, ProtocolVersion::NEWEST, &unknown));
    assert_eq!(answer, b"v\0\0\0\x13\0\x03\0\x02\0\0\0\x01_pq_.x\0");
}

#[test]
fn a_row_description_says_where_columns_come_from() {
    let mut column = ColumnDescription::new("id", Type { oid: 1043, modifier: 14 });
    (column.table, column.number, column.length) = (16_384, 2, -1);
    let described = written(|out| row_description(out, &[column], &[1], Encoding::UTF8).expect("UTF-8 says all"));
    let expected = b"T\0\0\0\x1b\0\x01id\0\0\0\x40\0\0\x02\0\0\x04\x13\xff\xff\0\0\0\x0e\0\x01";
    assert_eq!(described, expected);
}

#[test]
fn copy_tells_its_direction_and_columns() {
    assert_eq!(written(|out| copy_response(out, CopyDirection::In, 2, false)), b"G\0\0\0\x0b\0\0\x02\0\0\0\0");
    assert_eq!(written(|out| copy_response(out, CopyDirection::Out, 1, true)), b"H\0\0\0\x09\x01\0\x01\0\x01");
}

#[test]
fn an_error_carries_its_fields() {
    let error =
        Error::new(SqlState::UNIQUE_VIOLATION, "taken").with_detail("d\0ropped").with_constraint("k").at(Some(7));
    let sent = written(|out| report(out, Severity::Error, &error));
    assert_eq!(sent, b"E\0\0\0\x2aSERROR\0VERROR\0C23505\0Mtaken\0Dd\0P7\0nk\0\0");
    let notice = engine::Report { message: "hello".into(), ..Default::default() };
    let sent = written(|out| report(out, Severity::Notice("WARNING"), &notice));
    assert_eq!(sent, b"N\0\0\0\x25SWARNING\0VWARNING\0C01000\0Mhello\0\0");
}

#[test]
fn texts_are_told_in_the_encoding_of_the_client() {
    let latin1 = Encoding::named("latin1").expect("it is spoken").expect("it is known").0;
    let told = written(|out| notification_response(out, 7, "é", "ü".as_bytes(), latin1).expect("both are there"));
    assert_eq!(told, b"A\0\0\0\x0c\0\0\0\x07\xe9\0\xfc\0");
    let told = written(|out| parameter_status(out, "a", "é", latin1));
    assert_eq!(told, b"S\0\0\0\x08a\0\xe9\0");
    let mut out = b"kept".to_vec();
    assert!(notification_response(&mut out, 7, "n", "€".as_bytes(), latin1).is_err());
    parameter_status(&mut out, "a", "€", latin1);
    assert_eq!(out, b"kept");
}
