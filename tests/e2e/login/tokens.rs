//! Signed tokens in the place of a password, by libpq, and by SASL OAUTHBEARER.

use tests::{Knock, Server, SigningKey, unsigned_token};

use super::{certificate, failure, now, outcome, psql, refused, says, secret_file};

const SECRET: &[u8] = b"a secret of tests that is long enough";
const ISSUER: &str = "https://id.example.com";
const DISCOVERY: &str = "https://id.example.com/.well-known/openid-configuration";

struct Keys {
    secret: SigningKey,
    p256: SigningKey,
    rsa: Option<SigningKey>,
}

/// A server that believes three keys, asks `token` in the place of a password in database postgres, and SASL elsewhere.
fn start(creates_users: bool) -> (Server, Keys) {
    let p256 = SigningKey::p256();
    let jwk = p256.jwk("e");
    let mut rsa = None;
    let server = Server::start_with(|directory| {
        rsa = Some(SigningKey::rsa(directory));
        let secret = secret_file(directory, "secret", &[SECRET, b"\n"].concat());
        let set = secret_file(directory, "keys.json", format!(r#"{{"keys":[{jwk}]}}"#).as_bytes());
        let public = directory.join("rsa.pub");
        format!(
            "[tokens]\nissuer = '{ISSUER}'\naudience = ['kalamdb', 'db']\nrole_claim = 'roles'\nscope = 'openid'\n\
             openid_configuration = '{DISCOVERY}'\nleeway_seconds = 5\ncreate_users = {creates_users}\n\
             jwks_file = {set}\n\
             [[tokens.key]]\nid = 'h'\nsecret_file = {secret}\n\
             [[tokens.key]]\nid = 'r'\npublic_key_file = '{}'\n\
             [[access]]\ntype = 'hostssl'\ndatabase = 'postgres'\nuser = 'all'\naddress = 'all'\nmethod = 'token'\n\
             [[access]]\ntype = 'hostssl'\ndatabase = 'both'\nuser = 'all'\naddress = 'all'\n\
             method = ['scram-sha-256', 'oauth']\n\
             [[access]]\ntype = 'hostssl'\ndatabase = 'oauth'\nuser = 'all'\naddress = 'all'\nmethod = 'oauth'\n\
             [[access]]\ntype = 'hostnossl'\ndatabase = 'all'\nuser = 'postgres'\naddress = 'samehost'\n\
             method = 'scram-sha-256'\n",
            public.display()
        )
    });
    (server, Keys { secret: SigningKey::Secret(SECRET.to_vec()), p256, rsa })
}

fn claims(user: &str, more: &str) -> String {
    claims_until(user, &format!(r#""exp":{}{more}"#, now() + 600))
}

fn claims_until(user: &str, rest: &str) -> String {
    format!(r#"{{"sub":"{user}","iss":"{ISSUER}","aud":"kalamdb",{rest}}}"#)
}

fn hs256(keys: &Keys, claims: &str) -> String {
    keys.secret.sign(r#"{"alg":"HS256","typ":"JWT","kid":"h"}"#, claims)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_for_a_password_over_tls() {
    let (server, keys) = start(false);
    let admin = server.connect().await;
    let roles = "CREATE ROLE ann LOGIN PASSWORD 'a password'; CREATE ROLE bob LOGIN; CREATE ROLE nologin; \
                 CREATE ROLE root LOGIN SUPERUSER; CREATE ROLE \"auth0|5f:7'\" LOGIN";
    admin.batch_execute(roles).await.expect("roles can be made");
    let who = "SELECT session_user, current_user";
    let as_ann = "user=ann dbname=postgres sslmode=require";

    let rsa = keys.rsa.as_ref().expect("the key was made");
    for token in [
        hs256(&keys, &claims("ann", "")),
        keys.p256.sign(r#"{"alg":"ES256","kid":"e"}"#, &claims("ann", "")),
        keys.p256.sign(r#"{"alg":"ES256"}"#, &claims("ann", r#","nbf":1,"iat":1"#)),
        rsa.sign(r#"{"alg":"RS256","kid":"r"}"#, &claims("ann", "")),
    ] {
        says(&psql(&server, as_ann, &token, who).await, "ann|ann");
    }
    let token = hs256(&keys, &claims("auth0|5f:7'", ""));
    let odd = psql(&server, "user='auth0|5f:7\\'' dbname=postgres sslmode=require", &token, "SELECT current_user");
    says(&odd.await, "auth0|5f:7'");

    let good = claims("ann", "");
    let other_secret = SigningKey::Secret(b"another secret that is long enough too".to_vec());
    let public_key = std::fs::read(server.data().with_file_name("rsa.pub")).expect("it was made");
    let failures = [
        ("the password itself", "a password".to_owned()),
        ("nothing", ".".to_owned()),
        ("unsigned", unsigned_token(r#"{"alg":"none"}"#, &good)),
        ("another key", other_secret.sign(r#"{"alg":"HS256","kid":"h"}"#, &good)),
        ("the public key as a secret", SigningKey::Secret(public_key).sign(r#"{"alg":"HS256","kid":"r"}"#, &good)),
        ("an unknown key", keys.p256.sign(r#"{"alg":"ES256","kid":"x"}"#, &good)),
        ("expired", hs256(&keys, &claims_until("ann", &format!("\"exp\":{}", now() - 6)))),
        ("without an end", hs256(&keys, &claims_until("ann", "\"x\":1"))),
        ("not yet", hs256(&keys, &claims("ann", &format!(",\"nbf\":{}", now() + 300)))),
        ("another audience", hs256(&keys, &good.replace("kalamdb", "shop"))),
        ("another issuer", hs256(&keys, &good.replace(ISSUER, "https://evil.example.com"))),
        ("another user", hs256(&keys, &claims("bob", ""))),
        ("two users", hs256(&keys, &claims("ann", r#","sub":"ann""#))),
    ];
    for (what, token) in &failures {
        let output = psql(&server, as_ann, token, who).await;
        refused(&output, "FATAL:  password authentication failed for user \"ann\"");
        assert!(!String::from_utf8_lossy(&output.stderr).contains(token.as_str()) || *what == "nothing");
    }
    // Nobody comes in as a superuser, and nobody is made unless that is allowed.
    for user in ["postgres", "root", "stranger"] {
        let token = hs256(&keys, &claims(user, ""));
        let output = psql(&server, &format!("user={user} dbname=postgres sslmode=require"), &token, who).await;
        refused(&output, &format!("password authentication failed for user \"{user}\""));
    }
    // As in PostgreSQL, this is only told to whoever has proved who he is.
    let nologin = "user=nologin dbname=postgres sslmode=require";
    let output = psql(&server, nologin, &hs256(&keys, &claims("nologin", "")), who).await;
    refused(&output, "FATAL:  role \"nologin\" is not permitted to log in");
    // Never in the clear.
    let output = psql(&server, "user=ann dbname=postgres sslmode=disable", &hs256(&keys, &good), who).await;
    refused(&output, "no pg_hba.conf entry for host \"127.0.0.1\", user \"ann\", database \"postgres\", no encryption");

    let log = server.whole_log();
    for (what, token) in failures.iter().filter(|(what, _)| *what != "nothing") {
        assert!(!log.contains(token.as_str()), "{what} is in the log");
        let parts = token.split('.').filter(|part| part.len() > 8);
        parts.for_each(|part| assert!(!log.contains(part), "a part of {what} is in the log"));
    }
    assert!(log.contains("a token is refused") && log.contains("it has expired"), "{log}");
    println!("{} tokens refused, 5 believed", failures.len() + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_at_their_first_login() {
    let (server, keys) = start(true);
    let admin = server.connect().await;
    let token = hs256(&keys, &claims("new \\\"user\\\"", r#","roles":["user","system"]"#));
    let settings = "user='new \"user\"' dbname=postgres sslmode=require";
    let logins = (0..6).map(|_| psql(&server, settings, &token, "SELECT session_user"));
    for output in futures::future::join_all(logins).await {
        says(&output, "new \"user\"");
    }
    let made = "SELECT rolsuper, rolcreaterole, rolcanlogin, rolpassword IS NULL, count(*) OVER ()
                FROM pg_authid WHERE rolname = 'new \"user\"'";
    let row = admin.query_one(made, &[]).await.expect("there is one such role");
    let flags: Vec<bool> = (0..4).map(|at| row.get(at)).collect();
    assert_eq!((flags, row.get::<_, i64>(4)), (vec![false, false, true, true], 1));
    // Nobody is made for a token that is not believed.
    let forged = SigningKey::Secret(vec![1; 32]).sign(r#"{"alg":"HS256"}"#, &claims("forged", ""));
    let output = psql(&server, "user=forged dbname=postgres sslmode=require", &forged, "SELECT 1").await;
    refused(&output, "password authentication failed for user \"forged\"");
    let token = hs256(&keys, &claims("pg_monitor", ""));
    let output = psql(&server, "user=pg_monitor dbname=postgres sslmode=require", &token, "SELECT 1").await;
    refused(&output, "password authentication failed for user \"pg_monitor\"");
    let count = admin.query_one("SELECT count(*) FROM pg_roles WHERE rolname = 'forged'", &[]).await;
    assert_eq!(count.expect("a count").get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_by_oauthbearer() {
    let (server, keys) = start(true);
    let admin = server.connect().await;
    for database in ["both", "oauth"] {
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await.expect("databases can be made");
    }
    let token = hs256(&keys, &claims("ann", ""));
    let message = |identity: &str, token: &str| format!("n,{identity},\u{1}host=x\u{1}auth=Bearer {token}\u{1}\u{1}");
    let knock = async |database: &str| {
        let mut knock = Knock::tls(&server.config(), &certificate(&server)).await.expect("the server speaks TLS");
        let request = knock.startup("ann", database).await.expect("the server answers");
        (
            outcome(&request),
            request.body[4..]
                .split(|byte| *byte == 0)
                .filter(|name| !name.is_empty())
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect::<Vec<_>>(),
            knock,
        )
    };
    let (_, offered, mut both) = knock("both").await;
    assert_eq!(offered, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER"]);
    let ok = both.choose("OAUTHBEARER", message("", &token).as_bytes()).await.expect("an answer");
    assert_eq!(outcome(&ok), "request 0");

    for identity in ["", "a=ann"] {
        let (_, offered, mut oauth) = knock("oauth").await;
        assert_eq!(offered, ["OAUTHBEARER"]);
        let ok = oauth.choose("OAUTHBEARER", message(identity, &token).as_bytes()).await.expect("an answer");
        assert_eq!(outcome(&ok), "request 0");
        let mut kinds = Vec::new();
        while kinds.last() != Some(&b'Z') {
            kinds.push(oauth.receive().await.expect("a session begins").kind);
        }
    }
    let expected = format!(r#"{{"openid-configuration":"{DISCOVERY}","scope":"openid","status":"invalid_token"}}"#);
    let expired = hs256(&keys, &claims("ann", "").replace("exp", "ext"));
    for (first, farewell, end) in [
        // Where is a token to be had?
        ("n,,\u{1}auth=\u{1}\u{1}".to_owned(), "\u{1}", failure("ann")),
        (message("", &expired), "\u{1}", failure("ann")),
        (message("a=bob", &token), "\u{1}", failure("ann")),
        (message("", "a.b.c"), "\u{1}", failure("ann")),
        (
            message("", &expired),
            "more",
            "ErrorResponse FATAL 08P01: malformed OAUTHBEARER message\n  detail: Client did not send a kvsep response."
                .to_owned(),
        ),
    ] {
        let (_, _, mut oauth) = knock("oauth").await;
        let refusal = oauth.choose("OAUTHBEARER", first.as_bytes()).await.expect("a refusal");
        assert_eq!((outcome(&refusal).as_str(), &refusal.body[4..]), ("request 11", expected.as_bytes()));
        assert_eq!(outcome(&oauth.answer(farewell.as_bytes()).await.expect("an error")), end);
    }
    let (_, _, mut oauth) = knock("oauth").await;
    let odd = oauth.choose("OAUTHBEARER", b"n,,\x01auth=Basic eA==\x01\x01").await.expect("an error");
    let words = "ErrorResponse FATAL 08P01: malformed OAUTHBEARER message\n  detail: Bearer token is malformed.";
    assert_eq!(outcome(&odd), words);
    // A password is of no use where only tokens are taken.
    let (_, _, mut oauth) = knock("oauth").await;
    let scram = oauth.choose("SCRAM-SHA-256", b"n,,n=,r=x").await.expect("an error");
    let words = "ErrorResponse FATAL 08P01: client selected an invalid SASL authentication mechanism";
    assert_eq!(outcome(&scram), words);
    // libpq takes SCRAM where it is offered.
    admin.batch_execute("ALTER ROLE ann PASSWORD 'a password'").await.expect("the login has made the role");
    says(&psql(&server, "user=ann dbname=both sslmode=require", "a password", "SELECT 1").await, "1");
    assert!(!server.whole_log().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rules_tokens_are_offered_under_tls_only() {
    let server = Server::start_with(|directory| {
        let secret = secret_file(directory, "secret", SECRET);
        format!("[tokens]\naudience = 'kalamdb'\ncreate_users = true\n[[tokens.key]]\nsecret_file = {secret}\n")
    });
    let mut plain = Knock::plain(&server.config()).await.expect("the server listens");
    let request = plain.startup("ann", "postgres").await.expect("the server answers");
    assert_eq!(&request.body[4..], b"SCRAM-SHA-256\0\0");
    let keys = SigningKey::Secret(SECRET.to_vec());
    let token = keys.sign(r#"{"alg":"HS256"}"#, &claims("ann", ""));
    let message = format!("n,,\u{1}auth=Bearer {token}\u{1}\u{1}");
    let refusal = plain.choose("OAUTHBEARER", message.as_bytes()).await.expect("an error");
    let words = "ErrorResponse FATAL 08P01: client selected an invalid SASL authentication mechanism";
    assert_eq!(outcome(&refusal), words);
    let mut tls = Knock::tls(&server.config(), &certificate(&server)).await.expect("the server speaks TLS");
    tls.startup("ann", "postgres").await.expect("the server answers");
    let ok = tls.choose("OAUTHBEARER", message.as_bytes()).await.expect("an answer");
    assert_eq!(outcome(&ok), "request 0");
}
