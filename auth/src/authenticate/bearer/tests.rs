use super::*;

fn parse(message: &str) -> Result<(Option<String>, String), String> {
    let message = message.replace('^', "\u{1}");
    let parsed = BearerMessage::parse(message.as_bytes());
    parsed
        .map(|message| (message.identity, String::from_utf8(message.token.to_vec()).unwrap()))
        .map_err(|error| error.detail().unwrap().to_owned())
}

#[track_caller]
fn accepted(message: &str, identity: Option<&str>, token: &str) {
    assert_eq!(parse(message), Ok((identity.map(str::to_owned), token.to_owned())));
}

#[test]
fn messages_of_the_rfc() {
    accepted(
        "n,a=user@example.com,^host=server.example.com^port=143^auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==^^",
        Some("user@example.com"),
        "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
    );
    accepted("n,,^auth=bearer   a.b-c_d~e+f/g^^", None, "a.b-c_d~e+f/g");
    accepted("y,a=a=2Cb=3D,^auth=BEARER t^^", Some("a,b="), "t");
    // Where is a token to be had?
    accepted("n,,^auth=^^", None, "");
}

#[test]
fn what_breaks_the_grammar_is_refused() {
    for (message, detail) in [
        ("", "Key-value list expected."),
        ("n,,", "Key-value list expected."),
        ("^", "Unexpected channel-binding flag."),
        ("x,,^auth=Bearer t^^", "Unexpected channel-binding flag."),
        (
            "p=tls-server-end-point,,^auth=Bearer t^^",
            "The server does not support channel binding for OAuth, but the client message includes channel binding data.",
        ),
        ("n^auth=Bearer t^^", "Comma expected after the channel-binding flag."),
        ("n,^auth=Bearer t^^", "Comma expected after the identity."),
        ("n,b=x,^auth=Bearer t^^", "Unexpected attribute before the key-value list."),
        ("n,a=x,y^auth=Bearer t^^", "Unexpected attribute before the key-value list."),
        ("n,a=x=2D,^auth=Bearer t^^", "The identity has a malformed escape."),
        ("n,,^auth=Bearer t^", "Message is missing its final separator."),
        ("n,,^auth=Bearer t", "Message is missing its final separator."),
        ("n,,^^", "Message does not contain an auth value."),
        ("n,,^host=x^^", "Message does not contain an auth value."),
        ("n,,^auth=Bearer t^auth=Bearer u^^", "Message contains multiple auth values."),
        ("n,,^auth=Bearer t^^x", "Message contains additional data after the final terminator."),
        ("n,,^auth^^", "Message contains a key without a value."),
        ("n,,^=x^^", "Message contains an invalid key name."),
        ("n,,^auth1=x^^", "Message contains an invalid key name."),
        ("n,,^auth=Basic dDp0^^", "Bearer token is malformed."),
        ("n,,^auth=Bearer^^", "Bearer token is malformed."),
        ("n,,^auth=Bearer ^^", "Bearer token is malformed."),
        ("n,,^auth=Bearert^^", "Bearer token is malformed."),
        ("n,,^auth=Bearer a b^^", "Bearer token is malformed."),
        ("n,,^auth=Bearer ä^^", "Bearer token is malformed."),
    ] {
        assert_eq!(parse(message), Err(detail.to_owned()), "{message}");
    }
    assert_eq!(BearerMessage::parse(b"").unwrap_err().sql_state(), "08P01");
}

#[test]
fn a_refusal_tells_where_to_go() {
    let refusal = |configuration, scope| String::from_utf8(bearer_refusal(configuration, scope)).unwrap();
    assert_eq!(refusal(None, None), r#"{"status":"invalid_token"}"#);
    assert_eq!(
        refusal(Some("https://id/\"x\""), Some("openid")),
        r#"{"openid-configuration":"https://id/\"x\"","scope":"openid","status":"invalid_token"}"#
    );
    assert_eq!(BearerMessage::parse_farewell(b"\x01"), Ok(()));
    for other in [&b""[..], b"\x01\x01", b"x"] {
        assert!(BearerMessage::parse_farewell(other).is_err());
    }
}
