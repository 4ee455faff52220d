use super::*;

fn named(name: &str) -> (Encoding, &'static str) {
    Encoding::named(name).expect("it is spoken").expect("it is known")
}

#[test]
fn names_are_read_as_postgresql_reads_them() {
    for (said, meant) in [
        ("utf-8", "UTF8"),
        ("'Unicode'", "UTF8"),
        ("sql_ascii", "SQL_ASCII"),
        ("latin-1", "LATIN1"),
        ("ISO-8859-15", "LATIN9"),
        ("iso_8859_5", "ISO_8859_5"),
        ("koi8", "KOI8R"),
        ("Windows-1252", "WIN1252"),
        ("win", "WIN1251"),
        ("vscii", "WIN1258"),
    ] {
        assert_eq!(named(said).1, meant, "{said}");
    }
    assert!(Encoding::named("latin11").expect("not of several bytes").is_none());
    assert_eq!(Encoding::named("euc_jp").expect_err("not spoken").sql_state(), SqlState::FEATURE_NOT_SUPPORTED);
}

#[test]
fn every_byte_that_is_a_character_comes_back() {
    for charset in &CHARSETS {
        let encoding = named(charset.name).0;
        let mut known = 0;
        for byte in 0..=u8::MAX {
            let bytes = [byte];
            let Ok(text) = encoding.decode(&bytes) else { continue };
            let text = std::str::from_utf8(&text).expect("UTF-8").to_owned();
            let mut back = Vec::new();
            encoding.encode(&text, &mut back).expect("it came from there");
            assert_eq!(back, [byte], "{}", charset.name);
            known += 1;
        }
        assert!(known > 128 + 80, "{} has {known}", charset.name);
    }
}

#[test]
fn characters_are_where_the_encodings_have_them() {
    for (name, byte, character) in [
        ("LATIN1", 0xe4, 'ä'),
        ("LATIN1", 0x85, '\u{85}'),
        ("LATIN9", 0xa4, '€'),
        ("WIN1252", 0x80, '€'),
        ("WIN1252", 0xff, 'ÿ'),
        ("KOI8R", 0xff, 'Ъ'),
        ("WIN1251", 0xff, 'я'),
        ("WIN866", 0x80, 'А'),
        ("ISO_8859_7", 0xfe, 'ώ'),
        ("WIN1256", 0xc7, '\u{627}'),
    ] {
        let bytes = [b'a', byte];
        let decoded = named(name).0.decode(&bytes).expect("a character").into_owned();
        assert_eq!(String::from_utf8(decoded).expect("UTF-8"), format!("a{character}"), "{name}");
    }
}

#[test]
fn what_has_no_equivalent_is_told_by_its_bytes() {
    let (latin1, windows) = (named("LATIN1").0, named("WIN1252").0);
    let mut out = b"kept".to_vec();
    let error = latin1.encode("a€", &mut out).expect_err("no euro there");
    assert_eq!(error.sql_state(), SqlState("22P05"));
    let words =
        "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"";
    assert_eq!(error.to_string(), words);
    assert_eq!(out, b"kept");
    let error = windows.decode(&[0x81]).expect_err("no character");
    let words = "character with byte sequence 0x81 in encoding \"WIN1252\" has no equivalent in encoding \"UTF8\"";
    assert_eq!(error.to_string(), words);
}

#[test]
fn a_tail_is_converted_where_it_stands() {
    let mut out = "né ".as_bytes().to_vec();
    let start = out.len();
    out.extend_from_slice("été".as_bytes());
    named("LATIN1").0.encode_tail(&mut out, start).expect("all of it is there");
    assert_eq!(out, ["né ".as_bytes(), &[0xe9, b't', 0xe9]].concat());
}
