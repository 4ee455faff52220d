//! The time that a failed login takes does not tell whether the user exists.
//!
//! Attempts at users of several kinds take turns, so that whatever else the machine does falls on all of them. Of each
//! pair of kinds is asked how often an attempt at the one takes longer than an attempt at the other: half of the time, if
//! there is no difference (the statistic of Mann and Whitney). No time is compared with a limit.

use std::time::Instant;

use rand::seq::SliceRandom;
use tests::{Knock, Server};

use super::{challenge, wrong_answer};

const ROUNDS: usize = 300;
/// How far from one half a share may be. For equal distributions its standard deviation is 0.024 with 300 attempts each,
/// so this is more than four of them.
const DEVIATION_MAX: f64 = 0.11;

#[tokio::test(flavor = "multi_thread")]
async fn failures_take_the_same_time_whoever_is_named() {
    let server = Server::start_with(|_| "lockout_after_failures = 0\n".to_owned());
    let admin = server.connect().await;
    let roles = "CREATE ROLE ann LOGIN PASSWORD 'pw'; CREATE ROLE ace LOGIN PASSWORD 'pw' VALID UNTIL '2001-01-01';
                 CREATE ROLE nol PASSWORD 'pw'; CREATE ROLE bar LOGIN";
    admin.batch_execute(roles).await.expect("roles");
    // Names of one length.
    let kinds = ["ann", "ace", "nol", "bar", "xyz"];
    let mut first = vec![Vec::new(); kinds.len()];
    let mut last = vec![Vec::new(); kinds.len()];
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    for _ in 0..ROUNDS {
        order.shuffle(&mut rand::rng());
        for &kind in &order {
            let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
            let begun = Instant::now();
            let challenge = challenge(&mut knock, kinds[kind]).await;
            first[kind].push(begun.elapsed().as_nanos());
            let answer = wrong_answer(&challenge);
            let begun = Instant::now();
            knock.answer(answer.as_bytes()).await.expect("an error comes");
            last[kind].push(begun.elapsed().as_nanos());
        }
    }
    let mut farthest = 0.0_f64;
    for times in [&first, &last] {
        for one in 0..kinds.len() {
            for other in one + 1..kinds.len() {
                let deviation = (share_longer(&times[one], &times[other]) - 0.5).abs();
                farthest = farthest.max(deviation);
                assert!(deviation < DEVIATION_MAX, "{} and {} differ by {deviation:.3}", kinds[one], kinds[other]);
            }
        }
    }
    println!(
        "{ROUNDS} failures each of {} kinds of users; the farthest share from one half by {farthest:.3}",
        kinds.len()
    );
}

/// The share of pairs in which the first is longer; ties count half.
fn share_longer(these: &[u128], those: &[u128]) -> f64 {
    let score = |this: u128, that: u128| match this.cmp(&that) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 1.0,
    };
    let sum: f64 = these.iter().map(|this| those.iter().map(|that| score(*this, *that)).sum::<f64>()).sum();
    sum / (these.len() * those.len()) as f64
}
