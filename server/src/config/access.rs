//! Access rules in the configuration file: PostgreSQL's `pg_hba.conf` as an array of tables.
//!
//! ```toml
//! [[access]]
//! type = "hostssl"                  # local, host, hostssl, hostnossl
//! database = ["shop", "sameuser"]   # names, all, sameuser, samerole
//! user = "+staff"                   # names, all, + and a role for its members
//! address = "10.0.0.0/8"            # an address or network, all, samehost; none for local
//! method = "scram-sha-256"          # scram-sha-256 and oauth, alone or both in a list; token, trust, reject
//! ```
//!
//! Words become rules as they are read, so that an error names their line.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use auth::{AccessMethod, AccessRule, AddressPattern, ConnectionKind, DatabasePattern, Offer, UserPattern};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A rule as it is written, each word of it read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    #[serde(rename = "type")]
    connection: Word<ConnectionKind>,
    database: Words<DatabasePattern>,
    user: Words<UserPattern>,
    address: Option<Word<AddressPattern>>,
    method: Words<MethodWord>,
}

/// The name of a method; which go together is seen when all are there.
#[derive(Debug)]
struct MethodWord(String);

impl FromStr for MethodWord {
    type Err = auth::RuleError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        word.parse::<AccessMethod>().map(|_| Self(word.to_owned()))
    }
}

impl RuleEntry {
    /// The rule, if its parts go together.
    pub(super) fn into_rule(self, has_tokens: bool) -> Result<AccessRule, String> {
        let words: Vec<String> = self.method.0.into_iter().map(|word| word.0).collect();
        let method = AccessMethod::from_words(&words).map_err(|error| error.to_string())?;
        let needs_tokens = matches!(method, AccessMethod::Token | AccessMethod::Sasl(Offer { bearer: true, .. }));
        if needs_tokens && !has_tokens {
            return Err("methods token and oauth need a section [tokens]".to_owned());
        }
        let address = self.address.map(|address| address.0);
        AccessRule::new(self.connection.0, self.database.0, self.user.0, address, method)
            .map_err(|error| error.to_string())
    }
}

/// A text that is something else.
#[derive(Debug)]
struct Word<T>(T);

/// One such text, or a list of them.
#[derive(Debug)]
struct Words<T>(Vec<T>);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One<T>(PhantomData<T>);
        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for One<T> {
            type Value = Word<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Word<T>, E> {
                word.parse().map(Word).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(One(PhantomData))
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Words<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Several<T>(PhantomData<T>);
        impl<'de, T: FromStr<Err: fmt::Display>> Visitor<'de> for Several<T> {
            type Value = Words<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Words<T>, E> {
                word.parse().map(|word| Words(vec![word])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Words<T>, A::Error> {
                let mut words = Vec::new();
                while let Some(Word(word)) = sequence.next_element()? {
                    words.push(word);
                }
                if words.is_empty() { Err(A::Error::custom("the list is empty")) } else { Ok(Words(words)) }
            }
        }
        deserializer.deserialize_any(Several(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConfigFile;

    const TOKENS: &str = "[tokens]\njwks_file = 'keys.json'\n";

    fn rule(line: &str) -> String {
        format!("{TOKENS}[[access]]\ntype = 'hostssl'\ndatabase = 'all'\nuser = 'all'\naddress = 'all'\n{line}\n")
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(ConfigFile::parse(text).unwrap_err(), expected);
    }

    #[test]
    fn rules_are_read_in_order() {
        let text = "[[access]]\ntype = 'local'\ndatabase = 'all'\nuser = ['a', '+b']\nmethod = 'trust'\n\
                    [[access]]\ntype = 'host'\ndatabase = 'x'\nuser = 'all'\naddress = '::1'\nmethod = 'reject'";
        let (_, rules) = ConfigFile::parse(text).unwrap();
        let rules = rules.unwrap();
        assert_eq!((rules.len(), rules[0].users.len()), (2, 2));
        assert!(ConfigFile::parse("").unwrap().1.is_none());
        // Nobody may come in at all.
        assert_eq!(ConfigFile::parse("access = []").unwrap().1, Some(Vec::new()));
        assert!(ConfigFile::parse(&rule("method = ['scram-sha-256', 'oauth']")).is_ok());
    }

    #[test]
    fn a_fault_names_its_line() {
        refused(
            &rule("method = 'md5'"),
            "line 8: method \"md5\" is not supported: scram-sha-256, oauth, token, trust or reject",
        );
        refused(&rule("method = ['oauth', 'token']"), "line 3: only scram-sha-256 and oauth can be asked for together");
        refused(&rule("method = 'trust'"), "line 3: method trust is for type local only");
        refused(&rule("method = []"), "line 8: the list is empty");
        let text = rule("method = 'token'");
        refused(
            &text.replace("hostssl", "host"),
            "line 3: methods token and oauth send a secret and need type hostssl",
        );
        refused(&text.replace(TOKENS, ""), "line 1: methods token and oauth need a section [tokens]");
        refused(&text.replace("address = 'all'\n", ""), "line 3: an address is missing");
        refused(&text.replace("hostssl", "ssl"), "line 4: \"ssl\" is not a type: local, host, hostssl or hostnossl");
        refused(
            &text.replace("database = 'all'", "database = ['all', 'replication']"),
            "line 5: \"replication\" is not supported",
        );
    }
}
