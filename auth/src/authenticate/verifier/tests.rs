use super::*;

/// Passwords and what PostgreSQL 15 stored for them (`pg_authid.rolpassword`).
const FROM_POSTGRESQL: [(&str, &str); 5] = [
    (
        "pencil with spaces",
        "SCRAM-SHA-256$4096:gVSNVTz1QRzgYWVr42w1Ww==$NZga8RcxDMuXSgbnS8o7mqHN8vZYEhan++pkVJ06swE=:8FS8xhZGHrhHMhdoKZmnwjr8P99QdMQOo6PzDw0hafI=",
    ),
    // A soft hyphen, which maps to nothing.
    (
        "I\u{ad}X",
        "SCRAM-SHA-256$4096:F1pVaWZ6p/Ht+CcsGz91+A==$UUr2H5DVKCyQuciMKOuqnz+/Pm9r3P51XZoMS95ZRC4=:BIav+bf86V1a4CynsAqNYBGfruXkCxBk6QV8e+PnIMI=",
    ),
    // A Roman numeral, which normalizes to two letters, and a no-break space.
    (
        "p\u{2168}ss\u{a0}word",
        "SCRAM-SHA-256$4096:Eh+pENfgIo68p9axzdjRcg==$/nNXhGoM467WM2PBys4+dS379zXehlBeEwVoPRDycHI=:5Gjmre2lTaGevPyYdpALNqx6rvRlGapALU3hpBMcDd4=",
    ),
    // A control character, which SASLprep refuses.
    (
        "bad\u{7}bell",
        "SCRAM-SHA-256$4096:VjnRtO+0YRSQx9uesg1Zmw==$FKBK6S7up3Tssn/kqnFuxneiKFnp607bUDfqeppjEsY=:mSU5O6AtNspHw2JpyspPhgZJg6wXxzncMQj/sqXWhWw=",
    ),
    // Right-to-left text that ends left-to-right, which SASLprep refuses.
    (
        "\u{627}1",
        "SCRAM-SHA-256$4096:G9DoGYKf2SAQUtK5385vqg==$XujYmvCrGSuReGbGmM2huz/sOzeRInBIO/GKFYcdIas=:14y1nuJBZrlauXSkh8mNDAMK3scFQwJcuDrG+peTDqY=",
    ),
];

#[test]
fn agrees_with_postgresql() {
    for (password, text) in FROM_POSTGRESQL {
        let verifier: Verifier = text.parse().unwrap();
        assert_eq!(verifier.to_string(), text);
        assert!(verifier.fits_password(password), "{password:?}");
        assert!(!verifier.fits_password("something else"));
        let ours = Verifier::from_password_and_salt(password, verifier.iterations, &verifier.salt);
        assert_eq!(ours.to_string(), text);
    }
}

#[test]
fn normalization_makes_equal_what_looks_equal() {
    let verifier = Verifier::from_password("I\u{ad}X", 1);
    assert!(verifier.fits_password("IX"));
    assert!(verifier.fits_password("\u{2168}"));
    // Nothing would be left of this one, so it stands for itself.
    let hyphen = Verifier::from_password("\u{ad}", 1);
    assert!(hyphen.fits_password("\u{ad}"));
    assert!(!hyphen.fits_password(""));
}

#[test]
fn salts_differ() {
    let (first, second) = (Verifier::from_password("x", 1), Verifier::from_password("x", 1));
    assert_ne!(first.salt, second.salt);
    assert_eq!(first.salt.len(), SALT_BYTES);
}

#[test]
fn mock_is_stable_and_fits_nothing() {
    let mock = Verifier::mock("ghost", b"secret");
    assert_eq!(mock, Verifier::mock("ghost", b"secret"));
    assert_ne!(mock.salt, Verifier::mock("ghos", b"secret").salt);
    assert_ne!(mock.salt, Verifier::mock("ghost", b"other").salt);
    assert_eq!((mock.salt.len(), mock.iterations), (SALT_BYTES, DEFAULT_ITERATIONS));
    assert!(!mock.fits_password(""));
    // Even its true proof is refused.
    let mut forged = Verifier::from_password("known", 1);
    assert!(forged.fits_password("known"));
    forged.mock = true;
    assert!(!forged.fits_password("known"));
}

#[test]
fn refuses_other_texts() {
    let good = FROM_POSTGRESQL[0].1;
    let bad = [
        String::new(),
        "md5d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        good.replace("SHA-256", "SHA-1"),
        good.replace("4096", "0"),
        good.replace("4096", "-1"),
        good.replace("4096", "4294967296"),
        good.replace("4096", "x"),
        good.replace("gVSNVTz1QRzgYWVr42w1Ww==", "!"),
        good.replace("gVSNVTz1QRzgYWVr42w1Ww==", ""),
        good.replace("NZga8RcxDMuXSgbnS8o7mqHN8vZYEhan++pkVJ06swE=", "NZga8Q=="),
        good.replace(":8FS8", "8FS8"),
        format!("{good}$"),
        format!("{good}="),
        "SCRAM-SHA-256$$$".to_owned(),
    ];
    for text in bad {
        assert!(!Verifier::is_verifier(&text), "{text}");
    }
    assert!(Verifier::is_verifier(good));
}

#[test]
fn debug_hides_the_keys() {
    let printed = format!("{:?}", FROM_POSTGRESQL[0].1.parse::<Verifier>().unwrap());
    assert_eq!(printed, "Verifier { iterations: 4096, .. }");
}
