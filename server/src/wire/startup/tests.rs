use super::*;

fn startup(code: u32, fields: &[&str]) -> Result<Packet> {
    let mut body = code.to_be_bytes().to_vec();
    for field in fields {
        body.extend_from_slice(field.as_bytes());
        body.push(0);
    }
    body.push(0);
    Packet::decode(&body)
}

fn session(fields: &[&str]) -> StartupMessage {
    match startup(0x0003_0000, fields).unwrap() {
        Packet::Startup(startup) => startup,
        other => panic!("{other:?}"),
    }
}

fn state(result: Result<Packet>) -> &'static str {
    result.unwrap_err().sql_state().0
}

#[test]
fn requests_are_told_by_their_code() {
    assert_eq!(Packet::decode(&SSL_REQUEST.to_be_bytes()).unwrap(), Packet::SslRequest);
    assert_eq!(Packet::decode(&GSS_ENCRYPTION_REQUEST.to_be_bytes()).unwrap(), Packet::GssEncryptionRequest);
    let mut cancel = CANCEL_REQUEST.to_be_bytes().to_vec();
    cancel.extend_from_slice(&7i32.to_be_bytes());
    assert_eq!(state(Packet::decode(&cancel)), "08P01");
    cancel.extend_from_slice(b"key");
    assert_eq!(Packet::decode(&cancel).unwrap(), Packet::Cancel { process_id: 7, key: b"key".to_vec() });
    cancel.extend_from_slice(&[0; CANCEL_KEY_BYTES_MAX]);
    assert_eq!(state(Packet::decode(&cancel)), "08P01");
}

#[test]
fn a_startup_message_is_taken_apart() {
    let fields = ["user", "alice", "database", "shop", "application_name", "psql", "_pq_.x", "1"];
    let message = session(&fields);
    assert_eq!((message.user.as_str(), message.database.as_deref()), ("alice", Some("shop")));
    assert_eq!(message.parameters, [("application_name".to_owned(), "psql".to_owned())]);
    assert_eq!(message.unknown_extensions, ["_pq_.x"]);
    assert_eq!(session(&["user", "alice", "database", ""]).database, None);
    assert_eq!(session(&["user", &"é".repeat(40)]).user, "é".repeat(31));
}

#[test]
fn options_are_words_of_a_command_line() {
    let message = session(&["options", r"-c a=1  --b-c=two\ words -cd=\\", "user", "u", "e", "5"]);
    let parameters: Vec<(&str, &str)> = message.parameters.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(parameters, [("a", "1"), ("b_c", "two words"), ("d", "\\"), ("e", "5")]);
    for wrong in ["-c", "-c a", "-x", "word"] {
        assert_eq!(state(startup(0x0003_0000, &["user", "u", "options", wrong])), "42601", "{wrong}");
    }
}

#[test]
fn versions_and_layouts_that_are_refused() {
    assert_eq!(state(startup(0x0002_0000, &["user", "u"])), "0A000");
    assert_eq!(state(startup(0x0003_0000, &[])), "28000");
    assert_eq!(state(startup(0x0003_0000, &["user", "u", "replication", "database"])), "0A000");
    assert!(startup(0x0003_0000, &["user", "u", "replication", "off"]).is_ok());
    let unended = [0, 3, 0, 0, b'u', b's', b'e', b'r', 0, b'x', 0];
    assert_eq!(state(Packet::decode(&unended)), "08P01");
    assert_eq!(state(Packet::decode(&[0, 3, 0, 0, b'u', b's', b'e', b'r', 0, 0xff, 0, 0])), "22021");
    assert_eq!(state(startup(0x0003_0000, &["user", "u", "", "x"])), "08P01");
}

#[test]
fn packets_are_cut_by_their_length() {
    let mut input = BytesMut::from(&[0, 0, 0][..]);
    assert_eq!(next_packet(&mut input), Ok(None));
    input.extend_from_slice(&[9, 1, 2, 3, 4]);
    assert_eq!(next_packet(&mut input), Ok(None));
    input.extend_from_slice(&[5, 6]);
    assert_eq!(next_packet(&mut input).unwrap().unwrap(), &[1, 2, 3, 4, 5][..]);
    assert_eq!(input, &[6][..]);
    for length in [0u32, 7, 10_001, u32::MAX] {
        assert_eq!(next_packet(&mut BytesMut::from(&length.to_be_bytes()[..])), Err(InvalidLength));
    }
}

#[test]
fn a_sasl_response_names_its_mechanism() {
    let response = SaslInitialResponse::decode(b"SCRAM\0\0\0\0\x02hi").unwrap();
    assert_eq!((response.mechanism, response.data), ("SCRAM", Some(&b"hi"[..])));
    assert_eq!(SaslInitialResponse::decode(b"SCRAM\0\xff\xff\xff\xff").unwrap().data, None);
    for wrong in [&b"SCRAM"[..], b"SCRAM\0", b"SCRAM\0\0\0\0\x03hi", b"SCRAM\0\0\0\0\x01hi", b"S\0\x80\0\0\0"] {
        assert!(SaslInitialResponse::decode(wrong).is_err(), "{wrong:?}");
    }
}
