use super::*;
use crate::live::notify::SessionChannels;
use storage::{Store, StoreOptions};

fn said(database: u32, messages: &[(&str, &str)]) -> Vec<Bytes> {
    let channels = SessionChannels::new(Store::in_memory(StoreOptions::default()), database, 9);
    messages.iter().for_each(|(channel, payload)| channels.notify(channel, payload).unwrap());
    channels.take().unwrap().messages
}

fn told(outbox: &Outbox) -> String {
    let words = |told: &Notification| format!("{}={}", told.channel, std::str::from_utf8(&told.payload).unwrap());
    outbox.take(usize::MAX).iter().map(words).collect::<Vec<_>>().join(" ")
}

#[test]
fn who_listens_is_told() {
    let listeners = Listeners::default();
    let (one, two, other) = (Outbox::new(&Arc::default()), Outbox::new(&Arc::default()), Outbox::new(&Arc::default()));
    listeners.enter(1, &"a".into(), &one, CommitSeq(0));
    listeners.enter(1, &"a".into(), &two, CommitSeq(0));
    listeners.enter(1, &"b".into(), &two, CommitSeq(0));
    // The same channel of another database is another channel.
    listeners.enter(2, &"a".into(), &other, CommitSeq(0));
    listeners.deliver(CommitSeq(1), &said(1, &[("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")]), &mut Wakes::default());
    assert_eq!((told(&one), told(&two), told(&other)), ("a=1 a=4".into(), "a=1 b=2 a=4".into(), String::new()));
    listeners.leave(1, "a", &one);
    listeners.leave(1, "nothing", &one);
    listeners.leave(7, "a", &one);
    listeners.deliver(CommitSeq(2), &said(1, &[("a", "5")]), &mut Wakes::default());
    assert_eq!((told(&one), told(&two)), (String::new(), "a=5".into()));
    for (database, channel, outbox) in [(1, "a", &two), (1, "b", &two), (2, "a", &other)] {
        listeners.leave(database, channel, outbox);
    }
    assert!(listeners.0.lock().is_empty());
}

#[test]
fn commits_before_listen_are_not_told() {
    let listeners = Listeners::default();
    let outbox = Outbox::new(&Arc::default());
    listeners.enter(1, &"a".into(), &outbox, CommitSeq(5));
    // Who listens already goes on listening from where it began.
    listeners.enter(1, &"a".into(), &outbox, CommitSeq(8));
    for seq in 4..8 {
        listeners.deliver(CommitSeq(seq), &said(1, &[("a", &seq.to_string())]), &mut Wakes::default());
    }
    assert_eq!(told(&outbox), "a=6 a=7");
}

#[test]
fn who_does_not_read_is_given_up() {
    let listeners = Listeners::default();
    let (slow, quick) = (Outbox::new(&Arc::default()), Outbox::new(&Arc::default()));
    listeners.enter(1, &"a".into(), &slow, CommitSeq(0));
    listeners.enter(1, &"a".into(), &quick, CommitSeq(0));
    let messages = said(1, &[("a", &"x".repeat(7000))]);
    let mut seq = 0;
    while slow.check().is_ok() {
        seq += 1;
        listeners.deliver(CommitSeq(seq), &messages, &mut Wakes::default());
        assert_eq!(quick.take(usize::MAX).len(), 1);
        assert!(seq < 100_000, "there is a bound");
    }
    quick.check().unwrap();
}
