use std::time::Duration;

use tokio::time::timeout;

use super::*;

fn note(payload: &str) -> Notification {
    Notification {
        process_id: 1,
        channel: "room".into(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        account: None,
    }
}

fn event(account: &Arc<Account>, payload: &str) -> Notification {
    Notification { account: Some(account.clone()), ..note(payload) }
}

fn payloads(taken: &[Notification]) -> Vec<&str> {
    taken.iter().map(|notification| std::str::from_utf8(&notification.payload).unwrap()).collect()
}

#[test]
fn what_comes_in_first_goes_out_first() {
    let outbox = Outbox::new(&Arc::default());
    for payload in ["a", "b", "c"] {
        outbox.push(note(payload), &mut Wakes::default()).unwrap();
    }
    assert_eq!(outbox.waiting_count(), 3);
    assert_eq!(payloads(&outbox.take(usize::MAX)), ["a", "b", "c"]);
    assert!(outbox.take(usize::MAX).is_empty());
    assert_eq!(outbox.queue.lock().plain_bytes, 0);
}

#[test]
fn one_is_taken_however_large_it_is() {
    let outbox = Outbox::new(&Arc::default());
    outbox.push(note(&"x".repeat(1000)), &mut Wakes::default()).unwrap();
    outbox.push(note("small"), &mut Wakes::default()).unwrap();
    assert_eq!(outbox.take(10).len(), 1);
    assert_eq!(payloads(&outbox.take(10)), ["small"]);
}

#[test]
fn plain_ones_have_a_bound_that_breaks_the_outbox() {
    let outbox = Outbox::new(&Arc::default());
    let payload = "x".repeat(7999);
    let mut pushed = 0;
    while outbox.push(note(&payload), &mut Wakes::default()).is_ok() {
        pushed += 1;
    }
    assert_eq!(pushed, SESSION_QUEUE_BYTES_MAX / note(&payload).bytes());
    outbox.check().unwrap();
    outbox.give_up();
    assert_eq!(outbox.check().unwrap_err().sql_state(), SqlState::OUT_OF_MEMORY);
    assert_eq!(outbox.waiting_count(), 0);
    // Nothing gathers for a session that is about to end.
    outbox.push(note("late"), &mut Wakes::default()).unwrap();
    assert_eq!((outbox.waiting_count(), outbox.queue.lock().plain_bytes), (0, 0));
}

#[test]
fn all_together_have_a_bound() {
    let totals = Arc::new(Totals { plain: AtomicUsize::new(QUEUES_BYTES_MAX + 1), ..Totals::default() });
    let outbox = Outbox::new(&totals);
    while outbox.push(note("some"), &mut Wakes::default()).is_ok() {}
    let held = outbox.queue.lock().plain_bytes;
    assert!(held <= SESSION_QUEUE_BYTES_MIN && held + note("some").bytes() > SESSION_QUEUE_BYTES_MIN);
    drop(outbox);
    assert_eq!(totals.plain.load(Ordering::Relaxed), QUEUES_BYTES_MAX + 1);
}

#[test]
fn events_of_all_together_have_a_bound_too() {
    let totals: Arc<Totals> = Arc::default();
    let outbox = Outbox::new(&totals);
    let account: Arc<Account> = Arc::default();
    let large = "x".repeat(ACCOUNT_BYTES_MIN);
    outbox.push_within(event(&account, &large), usize::MAX, &mut Wakes::default()).unwrap();
    assert_eq!(totals.events.load(Ordering::Relaxed), account.bytes());
    outbox.take(usize::MAX);
    totals.events.fetch_add(QUEUES_BYTES_MAX + 1, Ordering::Relaxed);
    assert_eq!(outbox.push_within(event(&account, &large), usize::MAX, &mut Wakes::default()), Err(Full));
    outbox.push_within(event(&account, "small"), usize::MAX, &mut Wakes::default()).unwrap();
    // Plain ones have a room of their own, and what must not be left out always has one.
    outbox.push(note(&"x".repeat(7999)), &mut Wakes::default()).unwrap();
    outbox.push_always(event(&account, &large), &mut Wakes::default());
    drop(outbox);
    assert_eq!(totals.events.load(Ordering::Relaxed), QUEUES_BYTES_MAX + 1);
    assert_eq!(totals.plain.load(Ordering::Relaxed), 0);
}

#[test]
fn events_count_in_their_accounts() {
    let outbox = Outbox::new(&Arc::default());
    let (one, other) = (Arc::new(Account::default()), Arc::new(Account::default()));
    let bytes = event(&one, "12345").bytes();
    outbox.push_within(event(&one, "12345"), bytes, &mut Wakes::default()).unwrap();
    assert_eq!(outbox.push_within(event(&one, "6"), bytes, &mut Wakes::default()), Err(Full));
    outbox.push_within(event(&other, "12345"), bytes, &mut Wakes::default()).unwrap();
    outbox.push(note("plain"), &mut Wakes::default()).unwrap();
    assert_eq!((one.bytes(), other.bytes()), (bytes, bytes));
    outbox.discard(|waiting| waiting.account.as_ref().is_some_and(|account| Arc::ptr_eq(account, &one)));
    assert_eq!((one.bytes(), other.bytes()), (0, bytes));
    assert_eq!(payloads(&outbox.take(usize::MAX)), ["12345", "plain"]);
    assert_eq!(other.bytes(), 0);
}

#[tokio::test]
async fn a_waiter_is_woken_and_may_go_away() {
    let outbox = Outbox::new(&Arc::default());
    let soon = Duration::from_millis(20);
    assert!(timeout(soon, outbox.filled()).await.is_err());
    outbox.push(note("a"), &mut Wakes::default()).unwrap();
    // A wait that was given up has not taken the word that something is there.
    timeout(soon, outbox.filled()).await.unwrap().unwrap();
    timeout(soon, outbox.filled()).await.unwrap().unwrap();
    outbox.take(usize::MAX);
    assert!(timeout(soon, outbox.filled()).await.is_err());
    let waiting = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.filled().await }
    });
    tokio::task::yield_now().await;
    outbox.push(note("b"), &mut Wakes::default()).unwrap();
    timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_broken_one_tells_whoever_waits() {
    let outbox = Outbox::new(&Arc::default());
    outbox.push(note("a"), &mut Wakes::default()).unwrap();
    assert!(timeout(Duration::from_millis(20), outbox.broken()).await.is_err());
    outbox.give_up();
    let error = timeout(Duration::from_secs(5), outbox.broken()).await.unwrap();
    assert_eq!(error.sql_state(), SqlState::OUT_OF_MEMORY);
    assert!(outbox.filled().await.is_err());
}
