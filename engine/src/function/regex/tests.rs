use super::{Flags, compile};

/// What the whole and the groups have, `-` for a group without text.
fn captured(pattern: &str, flags: &str, text: &str) -> String {
    let (flags, _) = Flags::of(flags).unwrap();
    let regex = match compile(pattern, flags) {
        Ok(regex) => regex,
        Err(error) => return error.to_string(),
    };
    let chars: Vec<char> = text.chars().collect();
    let found = regex.find(&chars, 0).unwrap();
    assert_eq!(found.is_some(), regex.is_match(text).unwrap(), "{pattern} on {text}");
    let Some(found) = found else { return "no match".to_owned() };
    let part = |part: &Option<(usize, usize)>| match part {
        Some((begin, end)) => chars[*begin..*end].iter().collect(),
        None => "-".to_owned(),
    };
    found.iter().map(part).collect::<Vec<String>>().join(",")
}

#[test]
fn the_longest_of_the_leftmost_matches_counts() {
    assert_eq!(captured("a|ab|abc", "", "xabcd"), "abc");
    assert_eq!(captured("(a|ab)(c|bcd)(d*)", "", "abcd"), "abcd,ab,c,d");
    assert_eq!(captured("(a*)(ab)*(b*)", "", "abb"), "abb,a,-,bb");
    assert_eq!(captured("x*", "", "aaa"), "");
}

#[test]
fn the_first_quantifier_decides_what_the_whole_wants() {
    assert_eq!(captured("Y*([0-9]{1,3})", "", "XY1234Z"), "Y123,123");
    assert_eq!(captured("Y*?([0-9]{1,3})", "", "XY1234Z"), "Y1,1");
    assert_eq!(captured("(.*?)(b+)", "", "aabb"), "aab,aa,b");
    assert_eq!(captured("(?:(.*?)(\\d+)(.*)){1,1}", "", "abc01234xyz"), "abc01234xyz,abc,01234,xyz");
    assert_eq!(captured("(.*)(\\d+)(.*)", "", "abc01234xyz"), "abc01234xyz,abc0123,4,xyz");
}

#[test]
fn groups_keep_their_last_round() {
    assert_eq!(captured("(a|b)+", "", "abab"), "abab,b");
    assert_eq!(captured("((a)|(b))*", "", "ab"), "ab,b,-,b");
    assert_eq!(captured("(a(b)?)+", "", "aba"), "aba,a,-");
}

#[test]
fn references_back_compare_text() {
    assert_eq!(captured("(.)\\1", "", "foobarrbazz"), "oo,o");
    assert_eq!(captured("(a+)b\\1", "", "aabaaa"), "aabaa,aa");
    assert_eq!(captured("(a|b)\\1+", "i", "xAaa"), "Aaa,A");
    assert_eq!(captured("(\\w+) \\1", "", "this that that"), "that that,that");
    assert_eq!(captured("\\1(a)", "", "aa"), "invalid regular expression: invalid backreference number");
}

#[test]
fn constraints_take_nothing() {
    assert_eq!(captured("\\mbar\\M", "", "foobar bar"), "bar");
    assert_eq!(captured("a(?=b)", "", "acab"), "a");
    assert_eq!(captured("a(?!c)", "", "acab"), "a");
    assert_eq!(captured("(?<=b)c", "", "acbc"), "c");
    assert_eq!(captured("(?<!a)c", "", "acbc"), "c");
    assert_eq!(captured("^b$", "n", "a\nb\nc"), "b");
    assert_eq!(captured("a.b", "n", "a\nb"), "no match");
}

#[test]
fn flags_and_brackets_are_understood() {
    assert_eq!(captured("(?i)ABC", "", "xabc"), "abc");
    assert_eq!(captured("a b # comment", "x", "ab"), "ab");
    assert_eq!(captured("***=a.b", "", "axb a.b"), "a.b");
    assert_eq!(captured("[[:digit:]_-]+", "", "ab-1_2"), "-1_2");
    assert_eq!(captured("[^]a]+", "", "a]xy"), "xy");
    assert_eq!(captured("[z-a]", "", "a"), "invalid regular expression: invalid character range");
    assert_eq!(captured("(a", "", "a"), "invalid regular expression: parentheses () not balanced");
}

#[test]
fn letters_are_those_of_unicode() {
    assert_eq!(captured("[[:alpha:]]+", "", "1éß2"), "éß");
    assert_eq!(captured("[[:upper:]]", "", "éÉ"), "É");
    assert_eq!(captured("ünï", "i", "ÜNÏ"), "ÜNÏ");
    assert_eq!(captured("\\s", "", "\u{3000}"), "\u{3000}");
}

#[test]
fn what_would_take_forever_is_refused() {
    let (flags, _) = Flags::of("").unwrap();
    let regex = compile("^((a|aa|aaa)*(b?))*\\3x\\1$", flags).unwrap();
    let text: Vec<char> = "a".repeat(3000).chars().chain("c".chars()).collect();
    // An answer or an error, but soon.
    drop(regex.find(&text, 0));
    assert_eq!(
        captured("((((a{100}){100}){100}))", "", "a"),
        "invalid regular expression: regular expression is too complex"
    );
}
