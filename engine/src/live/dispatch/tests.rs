use std::time::Duration;

use storage::{Durability, Isolation, StoreOptions};

use super::*;
use crate::live::{Live, LiveLimits, Outbox, SessionChannels};

const DATABASE: u32 = 1;

struct House {
    store: Store,
    live: Live,
}

impl House {
    fn new(feed_bytes: usize) -> Self {
        let options = StoreOptions { feed_bytes, ..StoreOptions::default() };
        Self { store: Store::in_memory(options), live: Live::start(LiveLimits::default()).unwrap() }
    }

    /// Commits one message.
    async fn say(&self, payload: &str) -> CommitSeq {
        let channels = SessionChannels::new(self.store.clone(), DATABASE, 9);
        channels.notify("room", payload).unwrap();
        let mut transaction = self.store.begin(Isolation::ReadCommitted);
        channels.take().unwrap().messages.into_iter().for_each(|message| transaction.message(message));
        transaction.commit(Durability::Sync).await.unwrap().expect("a message is something")
    }

    fn listen(&self) -> (Arc<Outbox>, Attendance) {
        let (outbox, attendance) = (Outbox::new(&Arc::default()), self.live.dispatcher.attend(&self.store));
        self.live.listeners.enter(DATABASE, &"room".into(), &outbox, self.store.published());
        (outbox, attendance)
    }

    async fn passed(&self) {
        let passed = self.live.dispatcher.passed_by(self.store.announced());
        tokio::time::timeout(Duration::from_secs(10), passed).await.expect("the dispatcher is at work");
    }
}

fn told(outbox: &Outbox) -> Vec<String> {
    outbox.take(usize::MAX).iter().map(|told| String::from_utf8(told.payload.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn messages_come_in_commit_order_from_listen_on() {
    let house = House::new(1 << 20);
    house.say("early").await;
    let (outbox, attendance) = house.listen();
    for number in 0..200 {
        house.say(&number.to_string()).await;
    }
    house.passed().await;
    assert_eq!(told(&outbox), (0..200).map(|number| number.to_string()).collect::<Vec<_>>());
    drop(attendance);
}

#[tokio::test]
async fn it_sleeps_and_wakes_as_they_come_and_go() {
    let house = House::new(1 << 20);
    for round in 0..20 {
        let (outbox, attendance) = house.listen();
        house.say(&round.to_string()).await;
        house.passed().await;
        assert_eq!(told(&outbox), [round.to_string()]);
        house.live.listeners.leave(DATABASE, "room", &outbox);
        drop(attendance);
        house.say("nobody listens").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_lost_to_a_ring_that_holds_next_to_nothing() {
    let house = House::new(1);
    let (outbox, _attendance) = house.listen();
    let said: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    for message in &said {
        house.say(message).await;
    }
    house.passed().await;
    assert_eq!(told(&outbox), said);
    assert_eq!(house.store.kept_message_bytes(), 0);
}

#[tokio::test]
async fn nobody_waits_for_one_that_is_closed() {
    let house = House::new(1 << 20);
    let (_outbox, _attendance) = house.listen();
    house.live.close();
    house.say("late").await;
    house.passed().await;
}

#[tokio::test]
async fn it_ends_with_the_store() {
    let house = House::new(1 << 20);
    let (outbox, _attendance) = house.listen();
    house.say("last").await;
    house.store.shutdown();
    let passed = house.live.dispatcher.passed_by(CommitSeq(u64::MAX));
    tokio::time::timeout(Duration::from_secs(10), passed).await.expect("it ends");
    assert_eq!(told(&outbox), ["last"]);
}
