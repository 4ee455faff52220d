//! Taking a match apart: which text each group has. The whole is known; earlier parts choose before later ones.

use super::program::Program;
use super::tree::{Kind, Tree};

/// The text of each group, by number; 0 is the whole.
pub(super) type Captures = Vec<Option<(usize, usize)>>;

pub(super) struct Dissector<'a> {
    pub(super) text: &'a [char],
    pub(super) ignore_case: bool,
    pub(super) captures: Captures,
    /// How many characters may still be looked at.
    pub(super) budget: usize,
}

/// Characters that may be looked at to take one match apart. An expression can be made so that it would take forever.
pub(super) const BUDGET: usize = 100_000_000;

impl Dissector<'_> {
    /// Whether there was too much to look at, so that nothing is known.
    pub(super) fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    pub(super) fn longest(&mut self, program: &Program, start: usize, stop: usize) -> Option<usize> {
        let found = program.longest(self.text, start, stop, &mut self.budget);
        found.filter(|_| !self.is_exhausted())
    }

    pub(super) fn shortest(&mut self, program: &Program, start: usize, least: usize, stop: usize) -> Option<usize> {
        let found = program.shortest(self.text, start, least, stop, &mut self.budget);
        found.filter(|_| !self.is_exhausted())
    }

    /// Whether the text between two places matches as a whole.
    fn fits(&mut self, program: &Program, start: usize, end: usize) -> bool {
        self.longest(program, start, end) == Some(end)
    }

    /// Whether the text from `begin` to `end` can be divided as the tree says; notes what groups have.
    pub(super) fn dissect(&mut self, tree: &Tree, begin: usize, end: usize) -> bool {
        let divided = match &tree.kind {
            // The caller knows that the text fits.
            Kind::Leaf => true,
            Kind::Sequence(first, second) if first.is_shortest() => self.sequence_shortest(first, second, begin, end),
            Kind::Sequence(first, second) => self.sequence_longest(first, second, begin, end),
            Kind::Alternatives(branches) => {
                branches.iter().any(|branch| self.fits(&branch.program, begin, end) && self.dissect(branch, begin, end))
            }
            Kind::Repeated { body, min, max } => self.repeated(body, *min, *max, begin, end),
            Kind::BackReference { group, min, max } => self.back_reference(*group, *min, *max, begin, end),
        };
        if divided && let Some(number) = tree.capture {
            self.captures[number] = Some((begin, end));
        }
        divided
    }

    fn sequence_longest(&mut self, first: &Tree, second: &Tree, begin: usize, end: usize) -> bool {
        let mut limit = end;
        while let Some(middle) = self.longest(&first.program, begin, limit) {
            if self.split(first, second, begin, middle, end) {
                return true;
            }
            if middle == begin {
                return false;
            }
            limit = middle - 1;
        }
        false
    }

    fn sequence_shortest(&mut self, first: &Tree, second: &Tree, begin: usize, end: usize) -> bool {
        let mut least = begin;
        while let Some(middle) = self.shortest(&first.program, begin, least, end) {
            if self.split(first, second, begin, middle, end) {
                return true;
            }
            if middle == end {
                return false;
            }
            least = middle + 1;
        }
        false
    }

    fn split(&mut self, first: &Tree, second: &Tree, begin: usize, middle: usize, end: usize) -> bool {
        if !self.fits(&second.program, middle, end) {
            return false;
        }
        let divided = self.dissect(first, begin, middle) && self.dissect(second, middle, end);
        if !divided {
            self.forget(first);
            self.forget(second);
        }
        divided
    }

    /// Drops what groups of a part have.
    fn forget(&mut self, tree: &Tree) {
        if let Some(number) = tree.capture {
            self.captures[number] = None;
        }
        match &tree.kind {
            Kind::Leaf | Kind::BackReference { .. } => {}
            Kind::Sequence(first, second) => {
                self.forget(first);
                self.forget(second);
            }
            Kind::Alternatives(branches) => branches.iter().for_each(|branch| self.forget(branch)),
            Kind::Repeated { body, .. } => self.forget(body),
        }
    }

    /// Divides the text into rounds: each as long as possible (or as short), the last one shortened first.
    fn repeated(&mut self, body: &Tree, min: usize, max: usize, begin: usize, end: usize) -> bool {
        // No text can be no round at all, but one that takes nothing is better, since it captures.
        self.rounds(body, min, max, begin, end) || (min == 0 && begin == end)
    }

    fn rounds(&mut self, body: &Tree, min: usize, max: usize, begin: usize, end: usize) -> bool {
        let least = min.max(1);
        // No round but those that must be is empty.
        let most = max.min(end - begin).max(least);
        let shortest = body.is_shortest();
        let mut ends = vec![begin];
        // Where the round that is looked for may end: no later than that, or no earlier.
        let mut bound = if shortest { begin } else { end };
        loop {
            let from = ends[ends.len() - 1];
            let rounds = ends.len();
            let found = if shortest {
                // The last round that may be has to reach the end.
                let bound = if rounds >= most { bound.max(end) } else { bound };
                self.shortest(&body.program, from, bound.max(from), end)
            } else {
                self.longest(&body.program, from, bound)
            };
            if let Some(to) = found {
                ends.push(to);
                if to == end {
                    if rounds >= least && self.verify(body, &ends) {
                        return true;
                    }
                } else if rounds < most {
                    let empty_in_vain = to == from && (rounds >= least || least - rounds < end - to);
                    if !empty_in_vain {
                        bound = if shortest { to } else { end };
                        continue;
                    }
                }
            }
            // Another end for the last round, or for one before it.
            loop {
                if ends.len() == 1 {
                    return false;
                }
                let to = ends[ends.len() - 1];
                let from = ends[ends.len() - 2];
                ends.pop();
                if shortest && to < end {
                    bound = to + 1;
                    break;
                }
                if !shortest && to > from {
                    bound = to - 1;
                    break;
                }
            }
        }
    }

    fn verify(&mut self, body: &Tree, ends: &[usize]) -> bool {
        ends.windows(2).all(|round| {
            self.forget(body);
            self.dissect(body, round[0], round[1])
        })
    }

    fn back_reference(&mut self, group: usize, min: usize, max: usize, begin: usize, end: usize) -> bool {
        let Some((from, to)) = self.captures.get(group).copied().flatten() else { return false };
        let (length, wanted) = (end - begin, to - from);
        // Nothing can be repeated as often as one likes.
        if wanted == 0 {
            return length == 0;
        }
        if length == 0 {
            return min == 0;
        }
        if !length.is_multiple_of(wanted) || !(min..=max).contains(&(length / wanted)) {
            return false;
        }
        let pattern = &self.text[from..to];
        self.text[begin..end].chunks(wanted).all(|part| {
            part.iter()
                .zip(pattern)
                .all(|(a, b)| a == b || (self.ignore_case && super::set::cases(*a).any(|c| c == *b)))
        })
    }
}
