use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

fn frame(kind: u8, body: &[u8]) -> Frame {
    Frame { kind, body: body.into() }
}

fn encoded(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    [&[kind], &length[..], body].concat()
}

fn failure(kind: u8, body: &[u8]) -> (&'static str, String) {
    let error = Message::decode(&frame(kind, body)).unwrap_err();
    (error.sql_state().0, error.message.to_string())
}

#[test]
fn frames_are_cut_only_when_whole() {
    let bytes = [encoded(b'Q', b"SELECT 1\0"), encoded(b'S', b"")].concat();
    let mut input = BytesMut::new();
    let mut kinds = Vec::new();
    for byte in bytes {
        input.extend_from_slice(&[byte]);
        while let Some(frame) = next_frame(&mut input, Expected::Command).unwrap() {
            kinds.push((frame.kind, frame.body.len()));
        }
    }
    assert_eq!(kinds, [(b'Q', 9), (b'S', 0)]);
    assert!(input.is_empty());
}

#[test]
fn copy_data_is_taken_together_and_nothing_else_is() {
    let messages = [encoded(b'd', b"1\n"), encoded(b'd', b""), encoded(b'd', b"2\n"), encoded(b'c', b"")].concat();
    let mut found = Vec::new();
    let mut input = BytesMut::new();
    for byte in messages {
        input.extend_from_slice(&[byte]);
        take_copy_data(&mut input, &mut found, 100);
    }
    assert_eq!((&found[..], &input[..]), (&b"1\n2\n"[..], &b"c\0\0\0\x04"[..]));
    let mut input = BytesMut::from(&[encoded(b'd', b"abc"), encoded(b'd', b"def"), encoded(b'd', b"ghi")].concat()[..]);
    let mut found = Vec::new();
    take_copy_data(&mut input, &mut found, 4);
    assert_eq!((&found[..], &input[..]), (&b"abcdef"[..], &encoded(b'd', b"ghi")[..]));
    // A length that cannot be is for `next_frame` to refuse.
    for bytes in [&b"d\0\0\0\x03abc"[..], b"d\xff\xff\xff\xff", b"d\0"] {
        let (mut input, mut found) = (BytesMut::from(bytes), Vec::new());
        take_copy_data(&mut input, &mut found, 100);
        assert_eq!((&found[..], &input[..]), (&b""[..], bytes));
    }
}

#[test]
fn what_is_missing_is_known_from_the_header() {
    let missing = |bytes: &[u8]| missing_bytes(&BytesMut::from(bytes));
    assert_eq!((missing(b""), missing(b"Q"), missing(b"Q\0\0\0\x0a")), (5, 4, 6));
    assert_eq!(missing(b"Q\0\0\0\x0aabc"), 3);
    assert_eq!(missing(b"Q\xff\xff\xff\xff"), MESSAGE_BYTES_MAX - 4);
}

#[test]
fn frames_that_cannot_be_are_refused_at_once() {
    let refused = |bytes: &[u8], expected| {
        next_frame(&mut BytesMut::from(bytes), expected).map(|_| ()).map_err(|error| error.message.to_string())
    };
    let command = |bytes: &[u8]| refused(bytes, Expected::Command).unwrap_err();
    assert_eq!(command(b"G"), "invalid frontend message type 71");
    assert_eq!(command(b"Q\0\0\0\x03"), "invalid message length");
    assert_eq!(command(b"Q\x40\0\0\x01"), "invalid message length");
    assert_eq!(command(b"S\0\0\x27\x11"), "invalid message length");
    assert_eq!(refused(b"Q\x40\0\0\0", Expected::Command), Ok(()));
    let early = |bytes: &[u8]| refused(bytes, Expected::SaslResponse).unwrap_err();
    assert_eq!(early(b"Q"), "expected SASL response, got message type 81");
    assert_eq!(early(b"p\0\x01\0\0"), "invalid message length");
}

#[test]
fn texts_end_where_their_zero_is() {
    assert!(matches!(Message::decode(&frame(b'Q', b"SELECT\0")), Ok(Message::Query("SELECT"))));
    assert_eq!(failure(b'Q', b"SELECT"), ("08P01", "invalid string in message".to_owned()));
    assert_eq!(failure(b'Q', b"SELECT\0\0"), ("08P01", "invalid message format".to_owned()));
    let (state, message) = failure(b'Q', b"ab\xc3(\0");
    assert_eq!((state, message.as_str()), ("22021", "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28"));
    assert_eq!(failure(b'Q', b"\xff\0").1, "invalid byte sequence for encoding \"UTF8\": 0xff");
}

#[test]
fn parse_declares_types() {
    let body = frame(b'P', b"s\0SELECT $1\0\0\x02\0\0\0\x17\xff\xff\xff\xff");
    let Message::Parse(parse) = Message::decode(&body).unwrap() else { panic!() };
    assert_eq!((parse.name, parse.sql, parse.types().as_slice()), ("s", "SELECT $1", &[23, u32::MAX][..]));
    assert_eq!(failure(b'P', b"s\0SELECT\0\xff\xff\0").1, "insufficient data left in message");
}

#[test]
fn bind_carries_formats_and_values() {
    let body = frame(b'B', b"p\0s\0\0\x01\0\x01\0\x03\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0\0\x02\0\0\0\x01");
    let Message::Bind(bind) = Message::decode(&body).unwrap() else { panic!() };
    assert_eq!((bind.portal, bind.statement), ("p", "s"));
    assert_eq!(bind.parameter_formats().as_slice(), [1]);
    assert_eq!(bind.parameters().as_slice(), [Some(&b"hi"[..]), None, Some(b"")]);
    assert_eq!(bind.result_formats().as_slice(), [0, 1]);
    for wrong in [
        &b"p\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0"[..],
        b"p\0s\0\0\0\0\x01\x7f\xff\xff\xff\0\0",
        b"p\0s\0\0\0\xff\xff\0\0",
        b"p\0s\0\0\0\0\0\0\x01",
        b"p\0s\0\0\0\0\0\0\0\0",
    ] {
        assert_eq!(failure(b'B', wrong).0, "08P01", "{wrong:?}");
    }
}

#[test]
fn many_parameters_go_to_the_heap() {
    for count in [0, 1, FEW, FEW + 1, 65_535] {
        let mut body = b"\0\0\0\0".to_vec();
        body.extend_from_slice(&(count as u16).to_be_bytes());
        for _ in 0..count {
            body.extend_from_slice(&[0, 0, 0, 1, b'7']);
        }
        body.extend_from_slice(&[0, 0]);
        let body = frame(b'B', &body);
        let Message::Bind(bind) = Message::decode(&body).unwrap() else { panic!() };
        let parameters = bind.parameters();
        assert_eq!(parameters.as_slice().len(), count);
        assert!(parameters.as_slice().iter().all(|value| *value == Some(b"7")));
    }
}

#[test]
fn the_small_messages() {
    assert!(matches!(
        Message::decode(&frame(b'E', b"p\0\0\0\0\x05")),
        Ok(Message::Execute { portal: "p", max_rows: 5 })
    ));
    assert!(matches!(Message::decode(&frame(b'E', b"\0\xff\xff\xff\xff")), Ok(Message::Execute { max_rows: 0, .. })));
    assert!(matches!(Message::decode(&frame(b'D', b"Ss\0")), Ok(Message::Describe(Target::Statement("s")))));
    assert!(matches!(Message::decode(&frame(b'C', b"P\0")), Ok(Message::Close(Target::Portal("")))));
    assert_eq!(failure(b'D', b"X\0").1, "invalid DESCRIBE message subtype 88");
    assert_eq!(failure(b'S', b"x").1, "invalid message format");
    assert!(matches!(Message::decode(&frame(b'd', b"\xff\0")), Ok(Message::CopyData(b"\xff\0"))));
    assert!(matches!(Message::decode(&frame(b'f', b"no\0")), Ok(Message::CopyFail("no"))));
}

#[test]
fn random_bytes_never_panic() {
    let seed = 2011;
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..50_000 {
        let kind = b"QPBDECHSFdcfXp\0G"[random.random_range(0..16)];
        let body: Vec<u8> =
            (0..random.random_range(0..24)).map(|_| b"SP\0\0\0\x01\x02\xff"[random.random_range(0..8)]).collect();
        if let Ok(Message::Bind(bind)) = Message::decode(&frame(kind, &body)) {
            let _ = (bind.parameters(), bind.parameter_formats(), bind.result_formats());
        }
        let mut input = BytesMut::from(&[&[kind], body.as_slice()].concat()[..]);
        let _ = missing_bytes(&input);
        while let Ok(Some(_)) = next_frame(&mut input, Expected::Command) {}
    }
}
