//! `random` and `setseed`: a session's random numbers, the same in each session that sets the same seed.
//!
//! The generator is xoroshiro128**, its state filled by splitmix64 (Blackman and Vigna, "Scrambled Linear Pseudorandom
//! Number Generators"), as in PostgreSQL 15, so that a seed gives the numbers that it gives there.

use parking_lot::Mutex;
use storage::Value;

use super::Function;
use super::argument::{float, text_of};
use super::define::volatile;
use crate::error::{Error, SqlState};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    volatile(1598, "random", &[], FLOAT8, |context, _| Ok(Value::Float8(context.session.random.next()))),
    volatile(1599, "setseed", &[FLOAT8], VOID, |context, args| {
        let seed = float(&args[0])?;
        if !(-1.0..=1.0).contains(&seed) {
            let words = format!("setseed parameter {seed} is out of allowed range [-1,1]");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
        }
        context.session.random.seed(seed);
        text_of("")
    }),
];

/// Where a session's numbers stand; nowhere in particular until it sets a seed.
#[derive(Debug, Default)]
pub struct RandomNumbers(Mutex<Option<(u64, u64)>>);

impl RandomNumbers {
    fn seed(&self, seed: f64) {
        // As many bits as the fraction of a float has, and the sign.
        let mut state = (((1u64 << 52) - 1) as f64 * seed) as i64 as u64;
        *self.0.lock() = Some((scattered(&mut state), scattered(&mut state)));
    }

    /// From 0 to 1.
    fn next(&self) -> f64 {
        let mut state = self.0.lock();
        let (first, second) = state.get_or_insert_with(rand::random);
        let mixed = *first ^ *second;
        let number = first.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        *first = first.rotate_left(24) ^ mixed ^ (mixed << 16);
        *second = mixed.rotate_left(37);
        (number >> 12) as f64 / (1u64 << 52) as f64
    }
}

fn scattered(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
