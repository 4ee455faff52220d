use super::parse;

fn check(text: &str, printed: &str) {
    assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
    assert_eq!(parse(printed).unwrap().to_string(), printed, "{printed}");
}

#[test]
fn paths_are_printed_canonically() {
    check("$", "$");
    check("strict $.a.b", "strict $.\"a\".\"b\"");
    check("$.a[*] ? (@ > 1 && @ < 5 || @ == 7)", "$.\"a\"[*]?(@ > 1 && @ < 5 || @ == 7)");
    check("$ + 1 * 2", "($ + 1 * 2)");
    check("($ + 1) * 2", "(($ + 1) * 2)");
    check("$.**{2 to last}.a[1, 2 to last - 1]", "$.**{2 to last}.\"a\"[1,2 to last - 1]");
    check("-$.a.abs()", "(-$.\"a\".abs())");
    check(
        "$ ? (!(@.x == 1) && exists (@.y) && (@.z > 0) is unknown)",
        "$?((!(@.\"x\" == 1) && exists (@.\"y\")) && (@.\"z\" > 0) is unknown)",
    );
    check("$ ? (@ like_regex \"^a\" flag \"i\")", "$?(@ like_regex \"^a\" flag \"i\")");
    check("(1).type()", "(1).type()");
}

#[test]
fn what_is_no_path() {
    for text in ["", "@", "last", "$ == 1 == 2", "$.", "$[", "$ ? (1)", "1a", "$ &&", "01", "$ foo"] {
        assert!(parse(text).is_err(), "{text}");
    }
}
