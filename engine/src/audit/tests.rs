//! The log over a store in memory, and over one that crashes.

use std::sync::Arc;

use storage::testing::CrashDisk;
use storage::{Durability, Isolation, Store, StoreOptions};
use tokio::runtime::Handle;

use super::recorder::folded;
use super::{Action, Audit, AuditLimits, Event};

fn event(action: Action, user: &str, time: i64) -> Event {
    Event { user: user.to_owned(), ..Event::of_nobody(action, time) }
}

fn users(audit: &Audit) -> Vec<String> {
    audit.events().unwrap().into_iter().map(|event| event.user).collect()
}

#[tokio::test]
async fn events_are_written_in_order_and_found_again() {
    let disk = Arc::new(CrashDisk::new());
    let store = Store::with_kv(disk.clone(), StoreOptions::default()).unwrap();
    let audit = Audit::open(&store, AuditLimits::default(), &Handle::current()).unwrap();
    audit.record(event(Action::Login, "b", 2));
    audit.record(event(Action::Denied, "a", 1));
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    audit.write(&event(Action::Ddl, "c", 3), &mut transaction).unwrap();
    transaction.commit(Durability::Sync).await.unwrap();
    let mut undone = store.begin(Isolation::ReadCommitted);
    undone.begin_command();
    audit.write(&event(Action::Ddl, "d", 4), &mut undone).unwrap();
    undone.rollback();
    audit.close().await;
    audit.record(event(Action::Login, "late", 5));
    assert_eq!(users(&audit), ["a", "b", "c"]);
    let after = Store::with_kv(Arc::new(disk.crash(3).unwrap()), StoreOptions::default()).unwrap();
    let audit = Audit::open(&after, AuditLimits::default(), &Handle::current()).unwrap();
    assert_eq!(users(&audit), ["a", "b", "c"]);
    let logins = audit.last_logins().unwrap();
    assert_eq!((logins.get("b"), logins.get("a"), audit.counts()[0]), (Some(&2), None, 3));
}

#[tokio::test]
async fn what_is_old_or_too_much_goes() {
    let store = Store::in_memory(StoreOptions::default());
    let limits = AuditLimits { days: 1, events_max: 100 };
    let audit = Audit::open(&store, limits, &Handle::current()).unwrap();
    let day = 86_400_000_000;
    for time in 0..150 {
        audit.record(event(Action::LoginFailed, &format!("noise {}", time % 3), day + time));
        audit.record(event(Action::Ddl, &format!("deed {time}"), time));
    }
    audit.close().await;
    let deeds = |audit: &Audit| users(audit).iter().filter(|user| user.starts_with("deed")).count();
    // What repeats is counted batch by batch, so there is some of it.
    let noise = |audit: &Audit| users(audit).len() - deeds(audit);
    let heard = noise(&audit);
    assert_eq!((deeds(&audit), heard % 3), (150, 0));
    audit.expire(day).unwrap();
    // A view of what is committed sees what is gone until the next commit.
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    audit.write(&event(Action::Ddl, "deed", 200), &mut transaction).unwrap();
    transaction.commit(Durability::Sync).await.unwrap();
    assert_eq!(deeds(&audit), 91);
    audit.expire(day + 150).unwrap();
    let mut transaction = store.begin(Isolation::ReadCommitted);
    transaction.begin_command();
    audit.write(&event(Action::Ddl, "deed", day), &mut transaction).unwrap();
    transaction.commit(Durability::Sync).await.unwrap();
    assert_eq!((deeds(&audit), noise(&audit)), (2, heard));
}

#[test]
fn what_repeats_is_counted() {
    let mut batch = vec![event(Action::Denied, "a", 1), event(Action::Denied, "b", 2), event(Action::Denied, "a", 3)];
    batch.extend((0..30).map(|at| event(Action::LoginFailed, &at.to_string(), 4)));
    let folded = folded(batch);
    assert_eq!(folded.len(), 22);
    assert_eq!((folded[0].details["repeated"].as_u64(), folded[1].details.len()), (Some(2), 0));
    assert_eq!(folded[21].details["and_others"].as_u64(), Some(10));
}

#[test]
fn statements_are_kept_short_and_without_secrets() {
    let long = format!("ALTER USER x PASSWORD 'hidden' -- {}", "ü".repeat(10_000));
    let event = event(Action::RoleChange, "a", 1).with_statement(&long).with_text("reason", "password=hidden");
    let kept = event.details["statement"].as_str().unwrap();
    assert!(kept.starts_with("ALTER USER x PASSWORD '********' -- ü") && kept.len() <= 4096);
    assert_eq!(event.details["reason"], "password=********");
}
