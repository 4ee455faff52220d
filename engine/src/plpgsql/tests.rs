//! Reading bodies: trees of what is right, PostgreSQL's words for what is wrong, and no panic for anything.

use super::{Code, Kind, LoopKind, parse};
use crate::catalog::{Language, SqlFunction};
use crate::error::Result;
use crate::function::Volatility;
use crate::types::oid;

fn read(body: &str) -> Result<Code> {
    parse(&SqlFunction {
        oid: 1,
        schema: 0,
        name: "f".to_owned(),
        owner: 0,
        acl: None,
        comment: None,
        parameters: Vec::new(),
        returns: oid::INT4,
        set: false,
        volatility: Volatility::Volatile,
        strict: false,
        definer: false,
        leakproof: false,
        parallel: 'u',
        cost: 100.0,
        rows: 0.0,
        language: Language::PlPgSql,
        body: body.to_owned(),
        kept: None,
        procedure: false,
        aggregate: None,
        settings: Vec::new(),
    })
}

fn code(body: &str) -> Code {
    read(body).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[track_caller]
fn refuses(body: &str, words: &str) {
    let error = read(body).expect_err(body);
    assert_eq!(format!("{} {}", error.sql_state().0, error.message), words, "{body}");
}

const LONG: &str = "
#variable_conflict use_column
<<outer>>
DECLARE
    a int := 1;
    b CONSTANT text NOT NULL DEFAULT 'it''s';
    c a%TYPE = 5;
    r record;
    x numeric(10, 2)[];
    d ALIAS FOR a;
BEGIN
    IF a > 1 THEN a := a + 1; ELSIF a = 1 THEN NULL; ELSE a := 0; END IF;
    CASE a WHEN 1, 2 THEN a := 3; ELSE NULL; END CASE;
    CASE WHEN a = 1 THEN NULL; END CASE;
    <<l>> FOR i IN REVERSE 10..1 BY 2 LOOP EXIT l WHEN i = 5; CONTINUE; END LOOP l;
    FOR r IN SELECT 1 AS one LOOP RAISE NOTICE 'is % %%', r.one; END LOOP;
    FOR r IN EXECUTE 'SELECT $1' USING a LOOP NULL; END LOOP;
    FOREACH a IN ARRAY ARRAY[1, 2] LOOP NULL; END LOOP;
    WHILE a < 10 LOOP a := a + 1; END LOOP;
    x[1] := 5;
    outer.a := $tag$7$tag$;
    SELECT 1, 2 INTO STRICT a, c;
    EXECUTE 'SELECT 1' INTO a USING 1, 2;
    PERFORM 1 FROM (SELECT 2) AS s;
    GET DIAGNOSTICS a = ROW_COUNT;
    ASSERT a = 1, 'no';
    BEGIN
        RAISE division_by_zero USING MESSAGE = 'oh', HINT = 'so';
    EXCEPTION
        WHEN division_by_zero OR SQLSTATE '22012' THEN
            GET STACKED DIAGNOSTICS b = MESSAGE_TEXT;
        WHEN OTHERS THEN RAISE;
    END;
    RETURN a; -- done
END outer;
";

#[test]
fn reads_every_statement() {
    // The constant is the one thing in it that is wrong.
    refuses(LONG, "22005 variable \"b\" is declared CONSTANT");
    let code = code(&LONG.replace("CONSTANT text", "text"));
    assert_eq!(code.block.label.as_deref(), Some("outer"));
    assert_eq!(code.block.statements.len(), 17);
    let Kind::Loop(looped) = &code.block.statements[3].kind else { panic!("a loop") };
    assert!(matches!(looped.kind, LoopKind::Integers { reverse: true, step: Some(_), .. }));
    assert_eq!(code.block.statements[0].line, 12);
}

#[test]
fn into_is_taken_out_of_a_statement() {
    let code = code("DECLARE a int; BEGIN SELECT b INTO a FROM t; RETURN a; END");
    let Kind::Sql { fragment, into: Some(into) } = &code.block.statements[0].kind else { panic!("a statement") };
    assert_eq!(code.fragments[*fragment].sql, "SELECT b        FROM t");
    assert_eq!((into.targets.len(), into.strict), (1, false));
}

#[test]
fn says_what_is_wrong_as_postgresql_does() {
    refuses("BEGIN RETURN 1; END IF", "42601 end label \"if\" specified for unlabeled block");
    refuses("BEGIN RETURN; END", "42601 missing expression at or near \";\"");
    refuses("BEGIN x := 1; END", "42601 \"x\" is not a known variable");
    refuses("BEGIN EXIT; END", "42601 EXIT cannot be used outside a loop, unless it has a label");
    refuses(
        "BEGIN EXIT a; END",
        "42601 there is no label \"a\" attached to any block or loop enclosing this statement",
    );
    refuses("<<a>> BEGIN NULL; END b", "42601 end label \"b\" differs from block's label \"a\"");
    refuses("DECLARE a int; a int; BEGIN END", "42601 duplicate declaration at or near \"a\"");
    refuses("BEGIN RAISE NOTICE '%'; END", "42601 too few parameters specified for RAISE");
    refuses("BEGIN RAISE nothing_such; END", "42704 unrecognized exception condition \"nothing_such\"");
    refuses("BEGIN RETURN NEXT 1; END", "42804 cannot use RETURN NEXT in a non-SETOF function");
    refuses("BEGIN IF 1 THEN END", "42601 syntax error at end of input");
    refuses("BEGIN IF 1; END", "42601 missing \"THEN\" at end of SQL expression");
    refuses("BEGIN PERFORM 1 +; END", "42601 syntax error at end of input");
    refuses("BEGIN COMMIT AND CHAIN; END", "0A000 COMMIT AND CHAIN in PL/pgSQL is not supported");
    refuses("DECLARE c CURSOR FOR SELECT 1; BEGIN END", "0A000 a cursor in PL/pgSQL is not supported");
    let deep = format!("{}{}", "BEGIN ".repeat(500), "END; ".repeat(500));
    refuses(&deep, "54001 stack depth limit exceeded");
}

/// A generator that needs no crate: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

#[test]
fn no_text_is_a_panic() {
    let words = [
        ";",
        ":=",
        "END",
        "BEGIN",
        "LOOP",
        "'",
        "\"",
        "$$",
        "<<",
        ">>",
        "..",
        "INTO",
        "(",
        ")",
        "[",
        "]",
        "é",
        "%",
        "/*",
        "--",
        "EXCEPTION",
        "WHEN",
        "$1",
        "E'\\",
        "CASE",
        "\0",
        "FOR",
        "=",
        ".",
        "1.",
    ];
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for turn in 0..3000 {
        let mut body: Vec<char> = LONG.chars().collect();
        for _ in 0..1 + turn % 5 {
            let from = chance.below(body.len());
            let to = (from + chance.below(12)).min(body.len());
            let word = words[chance.below(words.len())];
            match chance.below(3) {
                0 => drop(body.drain(from..to)),
                1 => drop(body.splice(from..from, word.chars())),
                _ => drop(body.splice(from..to, word.chars())),
            }
        }
        // Whatever it says, it says something.
        let _ = read(&body.into_iter().collect::<String>());
    }
}
