use super::*;

const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));
const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

fn lockouts() -> Lockouts {
    Lockouts::new(LockoutPolicy { free_failures: 3, lock_seconds_max: 10 })
}

#[test]
fn a_lock_doubles_and_ends() {
    let mut lockouts = lockouts();
    let mut now = 0;
    for _ in 0..3 {
        assert!(!lockouts.settle("ann", HERE, false, now));
    }
    for seconds in [1, 2, 4, 8, 10, 10] {
        let end = now + seconds * SECOND;
        assert_eq!(lockouts.records(now)["ann"].locked_until, Some(end));
        // The right password is of no use, and a wrong one makes it no longer.
        assert!(!lockouts.settle("ann", HERE, true, end - 1));
        assert!(!lockouts.settle("ann", HERE, false, end - 1));
        assert_eq!(lockouts.records(now)["ann"].locked_until, Some(end));
        now = end;
        assert!(!lockouts.settle("ann", HERE, false, now));
    }
    assert_eq!(lockouts.records(now)["ann"].failures, 9);
    now += 10 * SECOND;
    assert!(lockouts.settle("ann", HERE, true, now));
    assert!(!lockouts.records(now).contains_key("ann"));
    // It begins anew.
    assert!(!lockouts.settle("ann", HERE, false, now));
    assert!(lockouts.settle("ann", HERE, true, now));
}

#[test]
fn nobody_is_locked_out_from_everywhere() {
    let mut lockouts = lockouts();
    for _ in 0..3 {
        lockouts.settle("ann", HERE, false, 0);
    }
    assert!(!lockouts.settle("ann", HERE, true, 0));
    assert!(lockouts.settle("ann", THERE, true, 0));
    assert!(lockouts.settle("ann", None, true, 0));
    assert!(lockouts.settle("bob", HERE, true, 0));
    // The success from elsewhere has not ended the lock here.
    assert!(!lockouts.settle("ann", HERE, true, 0));
}

#[test]
fn an_address_is_locked_after_many_failures_whoever_was_named() {
    let mut lockouts = lockouts();
    let free = 3 * ADDRESS_FACTOR;
    for number in 0..free {
        assert!(lockouts.settle("bob", HERE, true, 0), "{number}");
        lockouts.settle(&format!("guess{number}"), HERE, false, 0);
    }
    assert!(!lockouts.settle("bob", HERE, true, 0));
    assert!(lockouts.settle("bob", THERE, true, 0));
    assert!(lockouts.settle("bob", HERE, true, SECOND));
    // The success of one account gives no free failures for others.
    lockouts.settle("guess", HERE, false, SECOND);
    assert!(!lockouts.settle("bob", HERE, true, 2 * SECOND));
    assert!(lockouts.settle("bob", HERE, true, 3 * SECOND));
}

#[test]
fn a_network_of_ipv6_counts_as_one_address() {
    let mut lockouts = lockouts();
    let address = |text: &str| Some(text.parse().unwrap());
    for at in 1..=3 {
        lockouts.settle("ann", address(&format!("2001:db8:1:2::{at}")), false, 0);
    }
    assert!(!lockouts.settle("ann", address("2001:db8:1:2:ffff::"), true, 0));
    assert!(lockouts.settle("ann", address("2001:db8:1:3::1"), true, 0));
    for _ in 0..3 {
        lockouts.settle("ann", HERE, false, 0);
    }
    assert!(!lockouts.settle("ann", address("::ffff:192.0.2.1"), true, 0));
}

#[test]
fn failures_are_forgotten_after_a_while_and_when_there_are_many() {
    let mut lockouts = lockouts();
    let later = MEMORY_SECONDS * SECOND + 1;
    lockouts.settle("ann", HERE, false, 0);
    lockouts.settle("ann", HERE, false, 0);
    assert!(lockouts.records(later).is_empty());
    lockouts.settle("ann", HERE, false, later);
    assert!(lockouts.settle("ann", HERE, true, later));

    let address = |number: u32| Some(IpAddr::from(number.to_be_bytes()));
    for number in 0..Lockouts::ENTRIES_MAX as u32 + 5 {
        lockouts.settle("bob", address(number), false, later + i64::from(number));
    }
    assert_eq!((lockouts.by_user.0.len(), lockouts.by_address.0.len()), (Lockouts::ENTRIES_MAX, Lockouts::ENTRIES_MAX));
    assert!(!lockouts.by_user.0.contains_key(&("bob".to_owned(), address(4))));
    assert!(lockouts.by_user.0.contains_key(&("bob".to_owned(), address(5))));
    assert_eq!(lockouts.records(later)["bob"].failures, Lockouts::ENTRIES_MAX as u32);
}

#[test]
fn locks_can_be_turned_off() {
    let mut lockouts = Lockouts::new(LockoutPolicy { free_failures: 0, lock_seconds_max: 10 });
    for _ in 0..1000 {
        assert!(!lockouts.settle("ann", HERE, false, 0));
    }
    assert!(lockouts.settle("ann", HERE, true, 0));
    assert!(lockouts.records(0).is_empty());
}

#[test]
fn counting_never_overflows() {
    let mut lockouts = Lockouts::new(LockoutPolicy { free_failures: 1, lock_seconds_max: u32::MAX });
    let mut now = 0;
    for _ in 0..80 {
        lockouts.settle("ann", HERE, false, now);
        now = lockouts.records(now)["ann"].locked_until.unwrap();
    }
    assert!(now > 0);
}
