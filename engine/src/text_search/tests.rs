//! What holds for whatever text there is: nothing panics, and what is written is read again.

use proptest::prelude::*;

use super::query::{Item, Word};
use super::*;
use crate::types::text::into_text;

fn tokens(text: &str) -> Vec<(&'static str, &str)> {
    Tokens::new(text).map(|token| (TOKEN_KINDS[usize::from(token.kind) - 1].0, token.text)).collect()
}

fn english() -> &'static Configuration {
    configuration_named("english").unwrap()
}

fn text_of(vector: &Vector) -> String {
    let mut out = Vec::new();
    write_vector(&vector.encode().unwrap(), &mut out);
    into_text(out)
}

#[test]
fn compounds_come_before_their_parts() {
    let expected = [
        ("asciihword", "well-known"),
        ("hword_asciipart", "well"),
        ("blank", "-"),
        ("hword_asciipart", "known"),
        ("blank", " "),
        ("url", "example.com/a?b=c"),
        ("host", "example.com"),
        ("url_path", "/a?b=c"),
    ];
    assert_eq!(tokens("well-known example.com/a?b=c"), expected);
}

#[test]
fn what_does_not_end_is_no_tag() {
    assert_eq!(tokens("<a 'b")[0], ("blank", "<"));
    assert_eq!(tokens("<a '<b ' '>").last(), Some(&("tag", "<b ' '>")));
    assert_eq!(tokens("<!-- a -- > b"), tokens("<!-- a -- > b"));
    assert_eq!(tokens("<!-- a --> b")[0], ("tag", "<!-- a -->"));
}

/// Each token would look ahead to the end of these, did nobody remember that there is nothing.
#[test]
fn looking_ahead_in_vain_is_remembered() {
    for part in ["a_", "<!-- ", "a-a_", "a1.", "a@b_", "<a '\\'", "a.b", "1.", "&a", "a/.", "~/", "http://"] {
        let text = part.repeat(100_000);
        assert!(Tokens::new(&text).count() > 0, "{part}");
    }
}

#[test]
fn a_query_of_many_words_and_one_of_many_parentheses_are_no_deeper() {
    let many = vec!["a"; 50_000].join(" & ");
    let query = parse_query(&many).unwrap();
    assert_eq!(Query::decode(&query.encode()), query);
    assert_eq!(query.text().len(), many.len() + 2 * 50_000);
    let deep = format!("{}a{}", "b | (c & (".repeat(20_000), "))".repeat(20_000));
    let query = parse_query(&deep).unwrap();
    assert_eq!(parse_query(&query.text()).unwrap(), query);
    assert_eq!(query.indexable().as_ref(), Some(&query));
    let document = Vector::parse("a b:1").unwrap().encode().unwrap();
    assert!(matches(&document, &query));
}

#[test]
fn places_that_are_too_many_are_dropped() {
    let vector = document(english(), [vec!["cat"; 20_000].join(" ").as_str()]).unwrap();
    assert_eq!(vector.lexemes[0].places.len(), PLACES_MAX - 1);
    let far = document(english(), [format!("{}dog", "cat ".repeat(20_000)).as_str()]).unwrap();
    assert_eq!(far.lexemes[1].places, [(PLACE_MAX, 0)]);
}

/// Text made of what tokens are made of.
fn prose() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z]{1,8}",
        2 => "[ .,:;/@_<>&'\"\\\\!|()~+*?=#-]{1,3}",
        1 => "[0-9]{1,4}",
        1 => prop::sample::select(vec!["é", "ß", "\u{301}", "中", "<a href=\"x\">", "http://", "-->", "<!--", ".com/", "e-5", "\0x", "І"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

fn word() -> impl Strategy<Value = Word> {
    ("[a-d]{1,2}", 0_u8..16, any::<bool>()).prop_map(|(text, weights, prefix)| Word {
        text,
        weights: if weights < 8 { 0 } else { weights },
        prefix,
    })
}

fn query() -> impl Strategy<Value = Query> {
    let leaf = word().prop_map(|word| {
        let mut text = Vec::new();
        let mark = if word.prefix { "*" } else { "" };
        let weights: String = (0..4).filter(|weight| word.weights & 1 << weight != 0).map(weight_letter).collect();
        text.extend(format!("'{}':{mark}{weights}", word.text).into_bytes());
        parse_query(&into_text(text)).unwrap()
    });
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Query::join(Join::And, left, right).unwrap()),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Query::join(Join::Or, left, right).unwrap()),
            (inner.clone(), inner.clone(), 0_u16..4).prop_map(|(left, right, distance)| Query::join(
                Join::Phrase(distance),
                left,
                right
            )
            .unwrap()),
            inner.prop_map(Query::negated),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in prose(), options in prose()) {
        let parts: usize = Tokens::new(&text).filter(|token| !token.text.is_empty()).count();
        prop_assert!(parts > 0 || text.is_empty());
        for name in ["simple", "english", "german", "russian"] {
            let configuration = configuration_named(name).unwrap();
            let vector = document(configuration, [text.as_str(), text.as_str()]).unwrap();
            prop_assert_eq!(&Vector::decode(&vector.encode().unwrap()), &vector);
            prop_assert_eq!(&Vector::parse(&text_of(&vector)).unwrap(), &vector);
            for spoken in [Spoken::Words, Spoken::Phrase, Spoken::Web, Spoken::Operators] {
                let Ok(query) = spoken_query(configuration, &text, spoken) else {
                    prop_assert_eq!(spoken, Spoken::Operators);
                    continue;
                };
                prop_assert_eq!(&Query::decode(&query.encode()), &query);
                let _ = matches(&vector.encode().unwrap(), &query);
                let _ = rank(&Weights::default(), &vector, &query, 63);
                let _ = rank_by_covers(&Weights::default(), &vector, &query, 63);
                let _ = headline(configuration, &text, &query, &Headline::default()).unwrap();
                let several = Headline::parse("MaxFragments=3, MaxWords=5, MinWords=2").unwrap();
                let _ = headline(configuration, &text, &query, &several).unwrap();
            }
        }
        let _ = Vector::parse(&text);
        let _ = parse_query(&text);
        let _ = Headline::parse(&options);
    }

    /// Put together, tokens are the text; of a compound its parts are.
    #[test]
    fn tokens_leave_nothing_out(text in prose()) {
        let mut rest = text.as_str();
        for token in Tokens::new(&text) {
            prop_assert!(rest.starts_with(token.text), "{:?} in {:?}", token, rest);
            if !matches!(token.kind, 5 | 15..=17) {
                rest = &rest[token.text.len()..];
            }
        }
        prop_assert_eq!(rest, "");
    }

    #[test]
    fn queries_are_read_as_they_are_written(query in query()) {
        prop_assert_eq!(&parse_query(&query.text()).unwrap().text(), &query.text());
        prop_assert_eq!(&Query::decode(&query.encode()), &query);
        let mut binary = Vec::new();
        query.write_binary(&mut binary);
        prop_assert_eq!(&Query::read_binary(&binary).unwrap(), &query);
        prop_assert_eq!(query.items().iter().filter(|item| matches!(item, Item::Word(_))).count(), query.words().count());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Query::decode(&bytes).text();
        let _ = Vector::decode(&bytes);
        if let Ok(query) = Query::read_binary(&bytes) {
            prop_assert_eq!(&Query::decode(&query.encode()), &query);
        }
        if let Ok(vector) = Vector::read_binary(&bytes) {
            prop_assert_eq!(&Vector::decode(&vector.encode().unwrap()), &vector);
        }
    }
}
