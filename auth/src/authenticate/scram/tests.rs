use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::authenticate::mechanism::Offer;
use crate::authenticate::verifier::{hmac_sha256, salted_password, sha256};

const PASSWORD: &str = "correct horse";
const HASH: &[u8] = b"the hash of our certificate, 32b";

/// Which stand on channel binding the client takes.
#[derive(Clone, Copy, PartialEq)]
enum Header {
    None,
    Unoffered,
    Bound,
}

/// The client's side, as far as a test needs it.
struct Client {
    password: &'static str,
    header: &'static [u8],
    binding: &'static [u8],
    bare: Vec<u8>,
    auth_message: Vec<u8>,
    salted: Key,
}

impl Client {
    fn new(header: Header) -> Self {
        let (header, binding): (&[u8], &[u8]) = match header {
            Header::None => (b"n,,", b""),
            Header::Unoffered => (b"y,,", b""),
            Header::Bound => (b"p=tls-server-end-point,,", HASH),
        };
        let bare = b"n=ignored,r=clientnonce".to_vec();
        Self { password: PASSWORD, header, binding, bare, auth_message: Vec::new(), salted: Key::default() }
    }

    fn first(&self) -> Vec<u8> {
        [self.header, &self.bare].concat()
    }

    fn last(&mut self, challenge: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(challenge).unwrap();
        let mut parts = text.splitn(3, ',').map(|part| &part[2..]);
        let nonce = parts.next().unwrap();
        let salt = STANDARD.decode(parts.next().unwrap()).unwrap();
        let iterations = parts.next().unwrap().parse().unwrap();
        self.salted = salted_password(self.password, iterations, &salt);
        let binding = STANDARD.encode([self.header, self.binding].concat());
        let unproved = format!("c={binding},r={nonce}");
        self.auth_message = [&self.bare, challenge, unproved.as_bytes()].join(&b',');
        let mut proof = hmac_sha256(&self.salted, b"Client Key");
        let signature = hmac_sha256(&sha256(&proof), &self.auth_message);
        for (byte, other) in proof.iter_mut().zip(signature) {
            *byte ^= other;
        }
        format!("{unproved},p={}", STANDARD.encode(proof)).into_bytes()
    }

    fn believes(&self, server_final: &[u8]) -> bool {
        let signature = hmac_sha256(&hmac_sha256(&self.salted, b"Server Key"), &self.auth_message);
        server_final == format!("v={}", STANDARD.encode(signature)).as_bytes()
    }
}

fn verifier() -> Verifier {
    Verifier::from_password(PASSWORD, 8)
}

fn server(mechanism: Mechanism, tls: bool) -> ScramServer {
    ScramServer::new(verifier(), mechanism, tls.then(|| HASH.to_vec()), tls).unwrap()
}

fn first_error(mechanism: Mechanism, tls: bool, message: &[u8]) -> AuthenticationError {
    server(mechanism, tls).client_first(message).unwrap_err()
}

/// Runs an exchange whose last message is changed by `tamper`.
fn last_error(
    mechanism: Mechanism,
    header: Header,
    tamper: impl Fn(String) -> String,
) -> Result<Vec<u8>, AuthenticationError> {
    let mut server = server(mechanism, header == Header::Bound);
    let mut client = Client::new(header);
    let challenge = server.client_first(&client.first()).unwrap();
    let last = String::from_utf8(client.last(&challenge)).unwrap();
    server.client_final(tamper(last).as_bytes())
}

#[test]
fn rfc_7677_example() {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let verifier = Verifier::from_password_and_salt("pencil", 4096, &salt);
    let nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned();
    let mut server = ScramServer::with_nonce(verifier, Mechanism::ScramSha256, None, nonce).unwrap();
    let challenge = server.client_first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
    assert_eq!(
        String::from_utf8(challenge).unwrap(),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let last =
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let answer = server.client_final(last).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

#[test]
fn every_honest_exchange_succeeds() {
    for (mechanism, tls, header) in [
        (Mechanism::ScramSha256, false, Header::None),
        (Mechanism::ScramSha256, false, Header::Unoffered),
        (Mechanism::ScramSha256, true, Header::None),
        (Mechanism::ScramSha256Plus, true, Header::Bound),
    ] {
        let mut server = server(mechanism, tls);
        let mut client = Client::new(header);
        let challenge = server.client_first(&client.first()).unwrap();
        let answer = server.client_final(&client.last(&challenge)).unwrap();
        assert!(client.believes(&answer));
        // It is over.
        assert_eq!(server.client_final(b"c=biws").unwrap_err().sql_state(), "08P01");
        assert_eq!(server.client_first(b"n,,n=,r=x").unwrap_err().sql_state(), "08P01");
    }
}

#[test]
fn wrong_password_and_mock_fail_alike() {
    let mut client = Client::new(Header::None);
    client.password = "wrong";
    let mut known = server(Mechanism::ScramSha256, false);
    let challenge = known.client_first(&client.first()).unwrap();
    let known = known.client_final(&client.last(&challenge)).unwrap_err();

    let mock = Verifier::mock("ghost", b"secret");
    let mut client = Client::new(Header::None);
    let mut unknown = ScramServer::new(mock, Mechanism::ScramSha256, None, false).unwrap();
    let challenge = unknown.client_first(&client.first()).unwrap();
    let unknown = unknown.client_final(&client.last(&challenge)).unwrap_err();
    assert_eq!(known, AuthenticationError::WrongPassword);
    assert_eq!(known, unknown);
    assert_eq!(known.sql_state(), "28P01");
}

#[test]
fn mechanism_must_be_one_that_was_offered() {
    use Mechanism::{OAuthBearer, ScramSha256, ScramSha256Plus};
    let plain = Offer { scram: true, ..Offer::default() };
    let bound = Offer { channel_binding: true, ..plain };
    assert_eq!(bound.mechanisms().collect::<Vec<_>>(), [ScramSha256Plus, ScramSha256]);
    assert_eq!(plain.mechanisms().collect::<Vec<_>>(), [ScramSha256]);
    assert_eq!(bound.select(b"SCRAM-SHA-256-PLUS"), Ok(ScramSha256Plus));
    assert_eq!(Offer { bearer: true, ..bound }.mechanisms().last(), Some(OAuthBearer));
    // Nothing of SCRAM where only tokens are taken, whatever the channel could be bound to.
    let bearer = Offer { scram: false, channel_binding: true, bearer: true };
    assert_eq!(bearer.mechanisms().collect::<Vec<_>>(), [OAuthBearer]);
    for (offer, name) in [
        (plain, "SCRAM-SHA-256-PLUS"),
        (bound, "SCRAM-SHA-1"),
        (bound, "OAUTHBEARER"),
        (bearer, "SCRAM-SHA-256"),
        (bound, "scram-sha-256"),
        (bound, ""),
    ] {
        assert_eq!(offer.select(name.as_bytes()), Err(AuthenticationError::UnknownMechanism), "{name}");
    }
    assert!(ScramServer::new(verifier(), OAuthBearer, None, true).is_err());
    for (binding, tls) in [(None, true), (Some(HASH.to_vec()), false)] {
        assert!(ScramServer::new(verifier(), ScramSha256Plus, binding, tls).is_err());
    }
}

#[test]
fn first_message_is_checked() {
    use Mechanism::{ScramSha256, ScramSha256Plus};
    let check = |mechanism, tls, message: &str, expected_state: &str, expected_words: &str| {
        let error = first_error(mechanism, tls, message.as_bytes());
        assert_eq!(error.sql_state(), expected_state, "{message}");
        let words = format!("{error}: {}", error.detail().unwrap_or_default());
        assert!(words.contains(expected_words), "{message}: {words}");
    };
    check(ScramSha256, true, "y,,n=,r=x", "28000", "negotiation error");
    check(ScramSha256Plus, true, "y,,n=,r=x", "08P01", "does not include channel binding");
    check(ScramSha256Plus, true, "n,,n=,r=x", "08P01", "does not include channel binding");
    check(ScramSha256, true, "p=tls-server-end-point,,n=,r=x", "08P01", "includes channel binding");
    check(ScramSha256, false, "p=tls-server-end-point,,n=,r=x", "08P01", "includes channel binding");
    check(ScramSha256Plus, true, "p=tls-unique,,n=,r=x", "08P01", "type \"tls-unique\"");
    check(ScramSha256Plus, true, "p=\u{e9}\n,,n=,r=x", "08P01", "type \"???\"");
    check(ScramSha256, false, "n,a=other,n=,r=x", "0A000", "authorization identity");
    check(ScramSha256, false, "n,b,n=,r=x", "08P01", "Unexpected attribute \"'b'\"");
    check(ScramSha256, false, "n,,m=ext,n=,r=x", "0A000", "unsupported SCRAM extension");
    check(ScramSha256, false, "n,,r=x", "08P01", "Expected attribute \"n\" but found \"'r'\"");
    check(ScramSha256, false, "n,,n=,r", "08P01", "Expected character \"=\" for attribute \"r\"");
    check(ScramSha256, false, "n,,n=", "08P01", "Expected attribute \"r\" but found \"0x00\"");
    check(ScramSha256, false, "n,,n=,r=a b", "08P01", "non-printable");
    check(ScramSha256, false, "n,,n=,r=x,1=2", "08P01", "invalid character \"'1'\"");
    check(ScramSha256, false, "x,,n=,r=x", "08P01", "flag \"'x'\"");
    check(ScramSha256, false, "nn", "08P01", "Comma expected");
    check(ScramSha256, false, "n", "08P01", "Comma expected");
    check(ScramSha256, false, "", "08P01", "The message is empty.");
    check(ScramSha256, false, "n,,n=,r=x\0", "08P01", "Message length");
    check(ScramSha256, false, &format!("n,,n=,r={}", "x".repeat(1017)), "28P01", "invalid message length");
    assert!(server(ScramSha256, false).client_first(format!("n,,n=,r={}", "x".repeat(1016)).as_bytes()).is_ok());
    assert!(server(ScramSha256, false).client_first(b"n,,n=,r=x,e=optional").is_ok());
}

#[test]
fn last_message_is_checked() {
    use Mechanism::{ScramSha256, ScramSha256Plus};
    let check = |tamper: fn(String) -> String, expected: AuthenticationError| {
        assert_eq!(last_error(ScramSha256, Header::None, tamper), Err(expected));
    };
    let malformed = |detail: &str| AuthenticationError::MalformedMessage { detail: detail.to_owned() };
    check(|last| last.replace("c=biws", "c=eSws"), AuthenticationError::UnexpectedChannelBinding);
    check(|last| last.replace("c=biws", "c="), AuthenticationError::UnexpectedChannelBinding);
    check(|last| last.replace("r=client", "r=klient"), AuthenticationError::NonceMismatch);
    check(|last| last.replace(",p=", "x,p="), AuthenticationError::NonceMismatch);
    check(|last| last.replace(",p=", ",e=unsigned,p="), AuthenticationError::WrongPassword);
    check(|last| last.replace(",p=", ",p=AAAA"), malformed("Malformed proof in client-final-message."));
    check(|last| last[..last.len() - 1].to_owned(), malformed("Malformed proof in client-final-message."));
    check(|last| last + ",x=1", malformed("Garbage found at the end of client-final-message."));
    check(
        |last| last.split(",p=").next().unwrap().to_owned(),
        malformed("Attribute expected, but found end of string."),
    );
    check(|_| String::new(), malformed("The message is empty."));
    check(|last| last + &"x".repeat(1024), AuthenticationError::MessageTooLong);
    check(
        |last| {
            let (head, _) = last.split_once(",p=").unwrap();
            format!("{head},p={}", STANDARD.encode([0; 32]))
        },
        AuthenticationError::WrongPassword,
    );

    let unbound = |last: String| last.replacen(&STANDARD.encode([CHANNEL_BINDING_HEADER, HASH].concat()), "biws", 1);
    let stolen = |last: String| {
        let other = [CHANNEL_BINDING_HEADER, b"the hash of another certificate!"].concat();
        last.replacen(&STANDARD.encode([CHANNEL_BINDING_HEADER, HASH].concat()), &STANDARD.encode(other), 1)
    };
    assert!(last_error(ScramSha256Plus, Header::Bound, |last| last).is_ok());
    for tamper in [&unbound as &dyn Fn(String) -> String, &stolen] {
        let error = last_error(ScramSha256Plus, Header::Bound, tamper).unwrap_err();
        assert_eq!(error, AuthenticationError::ChannelBindingMismatch);
        assert_eq!(error.sql_state(), "28000");
    }
}

#[test]
fn any_flipped_bit_of_the_exchange_fails() {
    let mut probe = server(Mechanism::ScramSha256Plus, true);
    let mut client = Client::new(Header::Bound);
    let challenge = probe.client_first(&client.first()).unwrap();
    let length = client.last(&challenge).len();
    for index in 0..length {
        let mut server = server(Mechanism::ScramSha256Plus, true);
        let mut client = Client::new(Header::Bound);
        let challenge = server.client_first(&client.first()).unwrap();
        let mut last = client.last(&challenge);
        last[index] ^= 1;
        assert!(server.client_final(&last).is_err(), "byte {index}");
    }
    // The challenge is part of what is signed, so a man in the middle cannot lower the work.
    let mut server = server(Mechanism::ScramSha256, false);
    let mut client = Client::new(Header::None);
    let challenge = String::from_utf8(server.client_first(&client.first()).unwrap()).unwrap();
    let lowered = challenge.replace(",i=8", ",i=1");
    assert_eq!(server.client_final(&client.last(lowered.as_bytes())), Err(AuthenticationError::WrongPassword));
}

#[test]
fn a_message_out_of_turn_ends_the_exchange() {
    let mut server = server(Mechanism::ScramSha256, false);
    assert_eq!(server.client_final(b"c=biws,r=x,p=").unwrap_err().sql_state(), "08P01");
    assert_eq!(server.client_first(b"n,,n=,r=x").unwrap_err().sql_state(), "08P01");
}

#[test]
fn random_bytes_never_panic() {
    const SEED: u64 = 7677;
    let mut random = StdRng::seed_from_u64(SEED);
    let alphabet = b"npyarcmv=,,==\0\xff1x*tls-server-end-point";
    let verifier = verifier();
    for _ in 0..20_000 {
        let mut message: Vec<u8> =
            (0..random.random_range(0..24)).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
        let plus = random.random::<bool>();
        let mechanism = if plus { Mechanism::ScramSha256Plus } else { Mechanism::ScramSha256 };
        let mut server = ScramServer::new(verifier.clone(), mechanism, plus.then(|| HASH.to_vec()), plus).unwrap();
        let _ = server.client_first(&message);
        let mut server = ScramServer::new(verifier.clone(), mechanism, plus.then(|| HASH.to_vec()), plus).unwrap();
        server.client_first(&Client::new(if plus { Header::Bound } else { Header::None }).first()).unwrap();
        message.splice(0..0, b"c=biws,r=clientnonce".iter().copied().filter(|_| !plus));
        assert!(server.client_final(&message).is_err());
    }
}
