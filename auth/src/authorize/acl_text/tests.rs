use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const NAMES: [(u32, &str); 8] = [
    (10, "postgres"),
    (101, "aa"),
    (102, "d d"),
    (103, "q\"q"),
    (104, "e=f"),
    (105, "x-y"),
    (106, "Über"),
    (107, "Up"),
];

fn role_name(role: RoleId) -> Option<Cow<'static, str>> {
    NAMES.iter().find(|(id, _)| *id == role.0).map(|(_, name)| Cow::Borrowed(*name))
}

fn role_id(name: &str) -> Option<RoleId> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(id, _)| RoleId(*id))
}

/// Reads an item and prints it again.
fn reprinted(text: &str) -> Result<String, AuthorizationError> {
    AclItem::parse(text, role_id).map(|item| item.to_text(role_name))
}

#[test]
fn items_read_as_in_postgresql() {
    for (text, expected) in [
        ("aa=r*w/postgres", "aa=r*w/postgres"),
        ("=r/postgres", "=r/postgres"),
        ("\"d d\"=r/\"d d\"", "\"d d\"=r/\"d d\""),
        ("aa=r", "aa=r/postgres"),
        ("aa=*r/postgres", "aa=r/postgres"),
        ("aa=rr*r/postgres", "aa=r*/postgres"),
        ("group aa=r/postgres", "aa=r/postgres"),
        ("user aa=r/postgres", "aa=r/postgres"),
        (" aa =r/ postgres ", "aa=r/postgres"),
        ("aa=/postgres", "aa=/postgres"),
        ("=r*/postgres", "=r*/postgres"),
        ("aa=arwdDxtXUCTcsA/postgres", "aa=arwdDxtXUCTcsA/postgres"),
        ("\"q\"\"q\"=r/\"Über\"", "\"q\"\"q\"=r/\"Über\""),
        ("a\"a\"=r/postgres", "aa=r/postgres"),
    ] {
        assert_eq!(reprinted(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn bad_items_are_refused_in_postgresqls_words() {
    for (text, state, words) in [
        ("nobody=r/postgres", "42704", "role \"nobody\" does not exist"),
        ("\"a\"\"a\"=r/postgres", "42704", "role \"a\"a\" does not exist"),
        ("user=r/postgres", "42704", "role \"user\" does not exist"),
        ("aa=z/postgres", "22P02", "invalid mode character: must be one of \"arwdDxtXUCTcsA\""),
        ("aar/postgres", "22P02", "unrecognized key word: \"aar\""),
        ("xx aa=r/postgres", "22P02", "unrecognized key word: \"xx\""),
        ("\"aa=r/postgres", "22P02", "unrecognized key word: \"aa=r/postgres\""),
        ("", "22P02", "unrecognized key word: \"\""),
        ("user", "22P02", "missing name"),
        ("user aa", "22P02", "missing \"=\" sign"),
        ("aa=r/", "22P02", "a name must follow the \"/\" sign"),
        ("aa=r/postgres x", "22P02", "extra garbage at the end of the ACL specification"),
        ("aa= r/postgres", "22P02", "extra garbage at the end of the ACL specification"),
        ("aa=r /postgres", "22P02", "extra garbage at the end of the ACL specification"),
    ] {
        let error = reprinted(text).unwrap_err();
        assert_eq!((error.sql_state(), error.to_string().as_str()), (state, words), "{text}");
    }
    let long = format!("{}=r/postgres", "a".repeat(64));
    assert_eq!(reprinted(&long), Err(AuthorizationError::IdentifierTooLong));
    let longest = format!("{}=r/postgres", "a".repeat(63));
    assert!(matches!(reprinted(&longest), Err(AuthorizationError::UndefinedRole { .. })));
}

#[test]
fn a_role_without_a_name_prints_as_its_oid() {
    let item = AclItem::for_grant(Some(RoleId(999)), RoleId(10), Privileges::SELECT, false);
    assert_eq!(item.to_text(role_name), "999=r/postgres");
}

#[test]
fn lists_read_as_in_postgresql() {
    let all = "{postgres=arwdDxt/postgres,aa=r*/postgres,\"\\\"d d\\\"=aw/postgres\",\"\\\"q\\\"\\\"q\\\"=aw/postgres\",\
               \"\\\"e=f\\\"=aw/postgres\",\"\\\"x-y\\\"=aw/postgres\",\"\\\"Über\\\"=aw/postgres\",Up=aw/postgres,=aw/postgres}";
    for (text, expected) in [
        (all, all),
        ("{}", "{}"),
        (" { } ", "{}"),
        // A list of ours has one item for a pair of roles, and none that grants nothing.
        ("{aa=a/aa,=/aa,=r/aa,aa=r*/aa}", "{aa=ar*/aa,=r/aa}"),
        ("{aa=r/postgres, Up=r/postgres }", "{aa=r/postgres,Up=r/postgres}"),
        ("{\\a\\a=r/postgres}", "{aa=r/postgres}"),
        ("{\"\\\"aa\\\"=r/postgres\" , =r/aa}", "{aa=r/postgres,=r/aa}"),
    ] {
        let acl = Acl::parse(text, role_id).unwrap();
        assert_eq!(acl.to_text(role_name), expected, "{text}");
    }
    for text in [
        "",
        "{",
        "}",
        "aa=r/postgres",
        "{aa=r/postgres",
        "{aa=r/postgres,}",
        "{,aa=r/postgres}",
        "{\"aa\"=r/postgres}",
        "{{aa=r/postgres}}",
        "{NULL}",
        "{\"aa=r/postgres}",
        "{aa=r/postgres\\}",
    ] {
        let error = Acl::parse(text, role_id).unwrap_err();
        assert_eq!(error.sql_state(), "22P02", "{text}");
        assert!(error.to_string().starts_with("malformed array literal"), "{text}: {error}");
    }
    let quoted_null = Acl::parse("{\"NULL\"}", role_id).unwrap_err();
    assert_eq!(quoted_null.to_string(), "unrecognized key word: \"NULL\"");
}

#[test]
fn random_text_never_panics_and_what_is_read_prints_back() {
    const SEED: u64 = 15;
    let mut random = StdRng::seed_from_u64(SEED);
    let pieces = ["aa", "Über", "=", "r", "*", "/", "\"", "\\", "{", "}", ",", " ", "user", "postgres", "é", "\"d d\""];
    for _ in 0..50_000 {
        let text: String =
            (0..random.random_range(0..12)).map(|_| pieces[random.random_range(0..pieces.len())]).collect();
        if let Ok(item) = AclItem::parse(&text, role_id) {
            assert_eq!(AclItem::parse(&item.to_text(role_name), role_id), Ok(item), "{text}");
        }
        let list = if random.random::<bool>() { format!("{{{text}}}") } else { text };
        if let Ok(acl) = Acl::parse(&list, role_id) {
            assert_eq!(Acl::parse(&acl.to_text(role_name), role_id), Ok(acl), "{list}");
        }
    }
}
