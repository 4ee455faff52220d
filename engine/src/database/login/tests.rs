use std::net::IpAddr;
use std::sync::Arc;

use auth::{ClaimedRole, RoleKind, TokenIdentity};
use storage::{Store, StoreOptions};

use super::super::DatabaseOptions;
use super::super::tests::{connect, options, tag};
use super::{Admission, Database, LoginOptions};
use crate::job::JobsOptions;

const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

async fn database() -> Arc<Database> {
    database_with(LoginOptions::default()).await
}

async fn database_with(login: LoginOptions) -> Arc<Database> {
    let store = Store::in_memory(StoreOptions::default());
    let jobs = JobsOptions::new(std::env::temp_dir());
    Database::over(store, DatabaseOptions { login, ..options() }, jobs).await.unwrap().database
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_come_in_is_asked_for_the_same() {
    let database = database().await;
    let mut session = connect(&database);
    for sql in [
        "CREATE ROLE ann LOGIN PASSWORD 'pw'",
        "CREATE ROLE expired LOGIN PASSWORD 'pw' VALID UNTIL '2001-01-01'",
        "CREATE ROLE bare LOGIN",
    ] {
        tag(&mut session, sql).await;
    }
    assert!(database.login("ann").fits_password("pw"));
    assert!(!database.login("ann").fits_password("px"));
    for user in ["expired", "bare", "nobody"] {
        assert!(!database.login(user).fits_password("pw"), "{user}");
        assert_eq!(database.login(user).to_string(), database.login(user).to_string());
    }
    let before = database.login("expired").to_string();
    tag(&mut session, "ALTER ROLE expired VALID UNTIL 'infinity'").await;
    assert_eq!(database.login("expired").to_string(), before, "the salt stays what it was");
    assert!(database.login("expired").fits_password("pw"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_a_user_once_and_never_a_superuser() {
    let database = database().await;
    let identity = |user: &str| TokenIdentity { user: user.to_owned(), role: ClaimedRole::User };
    let ann = identity("a \"quoted\" ann; DROP ROLE postgres");
    assert_eq!(database.admission(&ann, false), Admission::Refused);
    assert_eq!(database.admission(&ann, true), Admission::New);
    let (one, other) = tokio::join!(database.create_token_user(&ann, 7), database.create_token_user(&ann, 8));
    one.unwrap();
    other.unwrap();
    assert_eq!(database.admission(&ann, false), Admission::Known);
    assert_eq!(database.admission(&identity("postgres"), true), Admission::Refused);
    assert!(database.is_member(&ann.user, &ann.user) && !database.is_member("postgres", &ann.user));
    assert!(!database.is_member("nobody", "nobody"));
    for (claimed, kind) in [
        (ClaimedRole::User, RoleKind::User),
        (ClaimedRole::Service, RoleKind::Service),
        (ClaimedRole::Dba, RoleKind::Dba),
    ] {
        let made = TokenIdentity { user: format!("{claimed:?}"), role: claimed };
        database.create_token_user(&made, 7).await.unwrap();
        let catalog = database.catalogs().any();
        let role = catalog.role_named(&made.user).unwrap();
        let attributes = &role.attributes;
        assert_eq!((attributes.kind(), attributes.login, attributes.superuser), (kind, true, false));
    }
    // Whatever has become of the first role.
    let mut session = connect(&database);
    tag(&mut session, "ALTER ROLE postgres NOLOGIN").await;
    tag(&mut session, "ALTER ROLE postgres SET default_transaction_read_only = on").await;
    database.create_token_user(&identity("bob"), 9).await.unwrap();
    assert_eq!(database.admission(&identity("bob"), false), Admission::Known);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_and_lock() {
    let database = database().await;
    let record = || database.logins.failures(database.now()).get("postgres").copied().unwrap_or_default();
    for failures in 1..=5 {
        assert_eq!(record().locked_until, None);
        assert!(!database.settle_login("postgres", HERE, false));
        assert_eq!(record().failures, failures);
    }
    assert!(record().locked_until.is_some_and(|until| until > database.now()));
    assert!(!database.settle_login("postgres", HERE, true));
    assert!(database.settle_login("postgres", None, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn short_passwords_are_refused_where_they_can_be_measured() {
    let login = LoginOptions { password_length_min: 4, ..LoginOptions::default() };
    let database = database_with(login).await;
    let mut session = connect(&database);
    tag(&mut session, "CREATE ROLE ann LOGIN PASSWORD 'öööö'").await;
    tag(&mut session, "ALTER ROLE ann PASSWORD NULL").await;
    let hashed = auth::Verifier::from_password("pw", 4096);
    tag(&mut session, &format!("ALTER ROLE ann PASSWORD '{hashed}'")).await;
    let error = super::run(&mut session, "ALTER ROLE ann PASSWORD 'ööö'").await.unwrap_err();
    assert_eq!((error.sql_state().0, error.to_string().as_str()), ("22023", "password is too short"));
}
