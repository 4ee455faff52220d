//! Choosing among several: PostgreSQL's `func_match_argtypes` and `func_select_candidate`.

use super::coerce::can_coerce;
use super::polymorphic;
use crate::function::CastContext::Implicit;
use crate::types::{builtin, oid};

pub(super) enum Choice<T> {
    One(T),
    None,
    Many,
}

/// Category that no type has.
const NO_CATEGORY: char = '\0';
const STRING: char = 'S';

/// Chooses the candidate whose arguments suit the types best. The lists of arguments are as long as `types`.
pub(super) fn choose<T: Copy>(candidates: Vec<(T, Vec<u32>)>, types: &[u32]) -> Choice<T> {
    let mut fitting: Vec<(T, Vec<u32>)> = candidates.into_iter().filter(|(_, args)| fits(args, types)).collect();
    match fitting.len() {
        0 => Choice::None,
        1 => fitting.pop().map_or(Choice::None, |(one, _)| Choice::One(one)),
        _ => select(fitting, types),
    }
}

/// Whether each type can become its argument's implicitly.
fn fits(args: &[u32], types: &[u32]) -> bool {
    args.len() == types.len()
        && args.iter().zip(types).all(|(arg, ty)| can_coerce(*ty, *arg, Implicit))
        && polymorphic::consistent(args, types)
}

fn category(ty: u32) -> char {
    builtin::info(ty).map_or(NO_CATEGORY, |info| info.category)
}

fn preferred(ty: u32) -> bool {
    builtin::info(ty).is_some_and(|info| info.preferred)
}

/// Keeps those that score highest.
fn keep_best<T>(candidates: Vec<(T, Vec<u32>)>, score: impl Fn(&[u32]) -> usize) -> Vec<(T, Vec<u32>)> {
    let best = candidates.iter().map(|(_, args)| score(args)).max().unwrap_or(0);
    candidates.into_iter().filter(|(_, args)| score(args) == best).collect()
}

fn select<T: Copy>(candidates: Vec<(T, Vec<u32>)>, types: &[u32]) -> Choice<T> {
    let exact = |args: &[u32]| args.iter().zip(types).filter(|(arg, ty)| **ty != oid::UNKNOWN && arg == ty).count();
    let candidates = keep_best(candidates, exact);
    if let [(one, _)] = candidates.as_slice() {
        return Choice::One(*one);
    }
    let exact_or_preferred = |args: &[u32]| {
        let good = |(arg, ty): &(&u32, &u32)| {
            **ty != oid::UNKNOWN && (arg == ty || (category(**arg) == category(**ty) && preferred(**arg)))
        };
        args.iter().zip(types).filter(good).count()
    };
    let mut candidates = keep_best(candidates, exact_or_preferred);
    if let [(one, _)] = candidates.as_slice() {
        return Choice::One(*one);
    }
    if !types.contains(&oid::UNKNOWN) {
        return Choice::Many;
    }
    if let Some(slots) = unknown_slots(&candidates, types) {
        let matches = |args: &[u32]| {
            args.iter().zip(&slots).all(|(arg, slot)| match slot {
                Some((wanted, only_preferred)) => category(*arg) == *wanted && (!only_preferred || preferred(*arg)),
                None => true,
            })
        };
        if candidates.iter().any(|(_, args)| matches(args)) {
            candidates.retain(|(_, args)| matches(args));
        }
        if let [(one, _)] = candidates.as_slice() {
            return Choice::One(*one);
        }
    }
    assume_known(&candidates, types)
}

/// For each unknown argument the category that the candidates agree on (string wins), and whether one of them takes
/// its preferred type. `None` if they do not agree.
fn unknown_slots<T>(candidates: &[(T, Vec<u32>)], types: &[u32]) -> Option<Vec<Option<(char, bool)>>> {
    let mut slots = Vec::with_capacity(types.len());
    for (position, ty) in types.iter().enumerate() {
        if *ty != oid::UNKNOWN {
            slots.push(None);
            continue;
        }
        let (mut chosen, mut has_preferred, mut conflict) = (NO_CATEGORY, false, false);
        for (_, args) in candidates {
            let (this, is_preferred) = (category(args[position]), preferred(args[position]));
            if chosen == NO_CATEGORY {
                (chosen, has_preferred) = (this, is_preferred);
            } else if this == chosen {
                has_preferred |= is_preferred;
            } else if this == STRING {
                (chosen, has_preferred) = (this, is_preferred);
            } else {
                conflict = true;
            }
        }
        if conflict && chosen != STRING {
            return None;
        }
        slots.push(Some((chosen, has_preferred)));
    }
    Some(slots)
}

/// If all known arguments have one type, the unknown ones are assumed to have it too.
fn assume_known<T: Copy>(candidates: &[(T, Vec<u32>)], types: &[u32]) -> Choice<T> {
    let mut known = types.iter().copied().filter(|ty| *ty != oid::UNKNOWN);
    let Some(ty) = known.next().filter(|first| known.all(|ty| ty == *first)) else { return Choice::Many };
    let assumed = vec![ty; types.len()];
    let mut accepting = candidates.iter().filter(|(_, args)| fits(args, &assumed));
    match (accepting.next(), accepting.next()) {
        (Some((one, _)), None) => Choice::One(*one),
        _ => Choice::Many,
    }
}
