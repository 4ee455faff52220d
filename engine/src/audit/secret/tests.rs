//! Secrets in every shape that comes to mind, and in some that do not.

use super::{STRUCK, error_without_secrets, without_secrets};
use crate::error::{Error, SqlState};

/// The secret that all these texts have.
const SECRET: &str = "s3kr1t-Wort";

#[track_caller]
fn hidden(text: &str) {
    let struck = without_secrets(text);
    assert!(!struck.contains(SECRET), "{text}\n{struck}");
    assert!(!struck.contains("Wort"), "{text}\n{struck}");
    // Nothing comes out of it either when the text is cut off somewhere within.
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let cut = &text[..end];
        let struck = without_secrets(cut);
        assert!(!struck.contains("s3kr1t-W"), "{cut}\n{struck}");
    }
}

#[track_caller]
fn kept(text: &str) {
    assert_eq!(without_secrets(text), text);
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(without_secrets(text), expected);
}

#[test]
fn passwords_of_roles() {
    for text in [
        "CREATE USER x PASSWORD 's3kr1t-Wort'",
        "create role x with login encrypted password 's3kr1t-Wort' valid until '2030-01-01'",
        "ALTER USER x PASSWORD E's3kr1t-Wort'",
        "ALTER USER x WITH PASSWORD $$s3kr1t-Wort$$",
        "ALTER USER x PASSWORD $a$s3kr1t-Wort$a$ VALID UNTIL 'x'",
        "ALTER USER x PASSWORD U&'s3kr1t-Wort'",
        "ALTER USER x PASSWORD 's3kr1t-Wort",
        "ALTER USER x PASSWORD s3kr1t-Wort",
        "ALTER USER x PASSWORD \"s3kr1t-Wort\"",
        "ALTER USER x PASSWORD=s3kr1t-Wort",
        "ALTER USER x PASSWORD = 's3kr1t-Wort'",
        "ALTER USER x PASSWORD ('s3kr1t-Wort')",
        "ALTER USER x 's3kr1t-Wort'",
        "ALTER USER x IDENTIFIED BY 's3kr1t-Wort'",
        "ALTER USER x IDENTIFIED BY s3kr1t-Wort",
        "ALTER USER x PASWORD 's3kr1t-Wort'",
        "ALTRE USER x PASWORD 's3kr1t-Wort'",
        "ALTER USER x/**/PASSWORD/* */'s3kr1t-Wort'",
        "ALTER USER x PASSWORD -- what\n 's3kr1t-Wort'",
        "ALTER USER x PASSWORD 'a''s3kr1t-Wort'",
        "ALTER USER x PASSWORD 'a's3kr1t-Wort'b'",
        "ALTER USER x PASSWORD 'a'\n's3kr1t-Wort'",
        "ALTER USER x LOGIN; ALTER USER x PASSWORD 's3kr1t-Wort'; SELECT 1",
        "SELECT 'it''s'; ALTER USER x PASSWORD 's3kr1t-Wort'",
        "SELECT 'open; ALTER USER x PASSWORD 's3kr1t-Wort'",
        "DO $$ BEGIN ALTER USER x PASSWORD 's3kr1t-Wort'; END $$",
        "SELECT dblink('ALTER USER x PASSWORD ''s3kr1t-Wort''')",
        "DO 'BEGIN EXECUTE ''ALTER USER x PASSWORD ''''a s3kr1t-Wort''''''; END'",
        "CREATE USER MAPPING FOR x SERVER y OPTIONS (user 'u', password 's3kr1t-Wort')",
        "EXPLAIN CREATE ROLE x PASSWORD 's3kr1t-Wort'",
        "-- ALTER USER x PASSWORD 's3kr1t-Wort'",
        "/* ALTER USER x PASSWORD 's3kr1t-Wort' */ SELECT 1",
        "CREATE USER \"a b\" ENCRYPTED PASSWORD 's3kr1t-Wort' IN ROLE y",
        "ALTER ROLE x SET app.password = 's3kr1t-Wort'",
        "ALTER ROLE x SET app.jwt_secret TO 's3kr1t-Wort'",
    ] {
        hidden(text);
    }
    check("CREATE USER x PASSWORD 'abc' LOGIN", "CREATE USER x PASSWORD '********' LOGIN");
    for plain in
        ["SET SESSION AUTHORIZATION 'ann'", "SET session_authorization = 'ann'", "SET password_encryption = 'md5'"]
    {
        check(plain, plain);
    }
    check("ALTER USER x PASSWORD NULL", "ALTER USER x PASSWORD NULL");
    check(
        "ALTER USER x PASSWORD 'abc' VALID UNTIL '2030-01-01'",
        "ALTER USER x PASSWORD '********' VALID UNTIL '2030-01-01'",
    );
}

#[test]
fn what_is_called_a_secret() {
    for text in [
        "UPDATE users SET password = 's3kr1t-Wort' WHERE id = 1",
        "SELECT * FROM users WHERE name = 'x' AND user_token='s3kr1t-Wort'",
        "INSERT INTO users (name, password_hash) VALUES ('x', 's3kr1t-Wort')",
        "SET app.secret = 's3kr1t-Wort'",
        "SELECT set_config('app.jwt_secret', 's3kr1t-Wort', false)",
        "SELECT '{\"password\": \"s3kr1t-Wort\"}'::jsonb",
        "SELECT '{\"a\": {\"api_key\" : \"s3kr1t-Wort\", \"b\": 1}}'",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3kr1t-Wort user=u' PUBLICATION p",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=''s3kr1t-Wort'' user=u' PUBLICATION p",
        "SELECT dblink_connect('postgresql://u:s3kr1t-Wort@host/db')",
        "SELECT 'postgres://u:s3kr1t-Wort@host:5432/db?sslmode=require'",
        "SELECT 'postgres://host/db?user=u&password=s3kr1t-Wort&x=1'",
        "https://u:s3kr1t-Wort@host/path",
        "could not connect: password=s3kr1t-Wort",
        "Authorization: Bearer s3kr1t-Wort",
        "CREATE STORAGE s TYPE 's3' PATH 's3://b' WITH (credentials = 's3kr1t-Wort')",
        "CREATE STORAGE s TYPE 's3' PATH 's3://b' WITH (secret_access_key = 's3kr1t-Wort')",
        "CREATE STORAGE s TYPE 's3' PATH 's3://b' WITH (unheard_of = 's3kr1t-Wort')",
        "CREATE STORAGE s TYPE 's3' PATH 's3://k:s3kr1t-Wort@b'",
        "ALTER STORAGE s SET (access_key_id 'x', secret_access_key 's3kr1t-Wort')",
        "ALTER STORAGE s SET (secret_access_key s3kr1t-Wort)",
        "ALTER STORAGE s SECRET 's3kr1t-Wort",
    ] {
        hidden(text);
    }
}

#[test]
fn what_looks_like_a_secret() {
    let verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$c3RvcmVk+A/B=:c2VydmVy/+=";
    check(&format!("SELECT '{verifier}'"), "SELECT 'SCRAM-SHA-256$********'");
    check("x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln-_x y", "x ******** y");
    check("SELECT 'md5c4ca4238a0b923820dcc509a6f75849b'", "SELECT 'md5********'");
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----";
    check(key, "-----BEGIN RSA PRIVATE KEY-----********-----END RSA PRIVATE KEY-----");
    check("postgres://u:p%40ss@h/db", "postgres://u:********@h/db");
}

#[test]
fn what_is_none_is_kept() {
    for text in [
        "SELECT 1",
        "SELECT * FROM t WHERE a = 'b' AND c = $1",
        "UPDATE users SET password = $1 WHERE id = $2",
        "UPDATE users SET password = excluded.password",
        "SELECT u.password FROM users u",
        "CREATE TABLE users (id int, password text NOT NULL, token uuid)",
        "CREATE USER TABLE t (a text DEFAULT 'x')",
        "CREATE ROLE x LOGIN CONNECTION LIMIT 5",
        "ALTER ROLE x SET search_path = 'a', 'b'",
        "CREATE STORAGE s TYPE 'filesystem' PATH '/a/b' WITH (path_template = '{namespace}')",
        "GRANT SELECT ON secrets TO x",
        "SELECT 'http://host:8080/path', md5('a')",
        "SELECT 'éyJ', '日本', \"Ü\", $$x$$, $1, e'\\n'",
        "'",
        "\"",
        "$",
        "$$",
        "/*",
        "--",
        "e'",
        "''''",
        "://",
        ":",
        "",
    ] {
        kept(text);
    }
}

/// Bytes in no order: nothing panics, and nothing is cut within a letter.
#[test]
fn any_text_is_taken() {
    let pieces = [
        "PASSWORD",
        "'",
        "''",
        "\"",
        "$",
        "$$",
        "$a$",
        "ALTER USER",
        "=",
        ":",
        "://",
        "@",
        "é",
        "日",
        "\\",
        "E'",
        "--",
        "\n",
        "/*",
        "*/",
        "eyJ",
        ".",
        "SCRAM-SHA-256$",
        "md5",
        ";",
        " ",
        "(",
        ",",
        "x",
        "CREATE STORAGE",
        "bearer ",
        "token",
    ];
    let mut state = 7_u64;
    for _ in 0..5_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
        }
        let _ = without_secrets(&text);
        let _ = error_without_secrets(Error::new(SqlState::SYNTAX_ERROR, text.clone()), &text);
    }
}

#[test]
fn errors_do_not_repeat_them() {
    let words = |statement: &str, message: &str| {
        let error = Error::new(SqlState::SYNTAX_ERROR, message.to_owned());
        error_without_secrets(error, statement).message.to_string()
    };
    let near = |what: &str| format!("syntax error at or near \"{what}\"");
    assert_eq!(words("ALTER USER x PASSWORD s3kr1t", &near("s3kr1t")), near("********"));
    assert_eq!(words("ALTER USER x PASSWORD 'a' 's3kr1t'", &near("'s3kr1t'")), near("'********'"));
    assert_eq!(words("ALTER USER x PASSWORD ab", &near("ab")), near("********"));
    assert_eq!(words("ALTER USER x PASSWORD 'it''s3kr1t'", &near("it's3kr1t")), near("********"));
    assert_eq!(words("SELECT 1 1", &near("1")), near("1"));
    let long = format!("{} ALTER USER x PASSWORD 'a' 's3kr1t'; {0}", "SELECT 'ü'; ".repeat(20_000));
    let at = long.chars().count() / 2;
    let error = Error::new(SqlState::SYNTAX_ERROR, near("'s3kr1t'")).map_words(|report| report.position = Some(at));
    assert_eq!(error_without_secrets(error, &long).message, near("'********'"));
    let open = words("ALTER USER x PASSWORD 's3kr1t", "unterminated quoted string at or near \"'s3kr1t\"");
    assert_eq!(open, "unterminated quoted string at or near \"'********\"");
    assert_eq!(
        words("ALTER USER \"s3kr1t\" PASSWORD 's3kr1t'", "role \"s3kr1t\" does not exist"),
        "role \"********\" does not exist"
    );
}

#[test]
fn the_same_over_and_over_is_struck_out_as_once() {
    for (part, count) in [("eyJ", 20_000), ("scram-sha-256$", 4_000), ("-----BEGIN PRIVATE KEY-----", 2_000)] {
        let text = part.repeat(count);
        let struck = without_secrets(&text);
        assert!(struck.contains(STRUCK) && struck.len() < text.len() / 100, "{part}");
    }
    let statement = format!("CREATE USER x PASSWORD {}", "'s3kr1t' ".repeat(7_000));
    let error = Error::new(SqlState::SYNTAX_ERROR, "s3kr1t ".repeat(9_000));
    assert!(!error_without_secrets(error, &statement).message.contains("s3kr1t"));
    let secrets: Vec<String> = (0..2_000).map(|number| format!("'s{number}t'")).collect();
    let statement = format!("CREATE USER x PASSWORD {}", secrets.join(" "));
    let error = Error::new(SqlState::SYNTAX_ERROR, "x s1999t".repeat(9_000));
    assert_eq!(error_without_secrets(error, &statement).message, STRUCK);
}
