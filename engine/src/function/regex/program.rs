//! A regular expression as a machine that is in many states at once, so that no text makes it go back.
//!
//! It tells where matches begin and end. What groups captured is found afterwards (`dissect.rs`).

use std::sync::Arc;

use super::parse::Parse;
use super::set::{Class, Set};
use super::syntax::{Assertion, Fault, Node, Repeat};

/// Beyond so many steps an expression is refused.
const STEPS_MAX: usize = 50_000;

#[derive(Debug)]
enum Step {
    Take(Arc<Set>),
    /// Goes on at both places.
    Split(usize, usize),
    Jump(usize),
    Assert(Assertion),
    Look {
        ahead: bool,
        negative: bool,
        body: Program,
    },
    Accept,
}

#[derive(Debug)]
pub(super) struct Program {
    steps: Vec<Step>,
    word: Arc<Set>,
}

/// The states that the machine is in, each once, and where its match began.
struct States {
    list: Vec<(usize, usize)>,
    /// The round in which a step was last entered.
    entered: Vec<usize>,
    round: usize,
}

impl States {
    fn new(steps: usize) -> Self {
        Self { list: Vec::with_capacity(steps.min(64)), entered: vec![0; steps], round: 1 }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.round += 1;
    }
}

impl Program {
    /// The machine for parts that follow each other. `groups` has what each group consists of, for references back.
    pub(super) fn of(parts: &[&Node], groups: &[Option<Node>]) -> Parse<Self> {
        let mut program = Self { steps: Vec::new(), word: Class::Word.set() };
        for part in parts {
            program.emit(part, groups)?;
        }
        program.push(Step::Accept)?;
        Ok(program)
    }

    fn push(&mut self, step: Step) -> Parse<usize> {
        if self.steps.len() >= STEPS_MAX {
            return Err(Fault::TooComplex);
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn emit(&mut self, node: &Node, groups: &[Option<Node>]) -> Parse<()> {
        match node {
            Node::Empty => {}
            Node::Set(set) => drop(self.push(Step::Take(set.clone()))?),
            Node::Assertion(assertion) => drop(self.push(Step::Assert(*assertion))?),
            Node::Look { ahead, negative, body } => {
                let body = Program::of(&[body], groups)?;
                self.push(Step::Look { ahead: *ahead, negative: *negative, body })?;
            }
            Node::Group(_, body) => self.emit(body, groups)?,
            Node::Sequence(items) => {
                for item in items {
                    self.emit(item, groups)?;
                }
            }
            Node::Alternatives(branches) => self.emit_alternatives(branches, groups)?,
            Node::Repeated(body, repeat) => self.emit_repeated(body, *repeat, groups)?,
            // As much as the machine can know: the same expression again. The text is compared later.
            Node::BackReference(number) => {
                if let Some(Some(body)) = groups.get(*number) {
                    self.emit(body, groups)?;
                }
            }
        }
        Ok(())
    }

    fn emit_alternatives(&mut self, branches: &[Node], groups: &[Option<Node>]) -> Parse<()> {
        let mut ends = Vec::new();
        for (position, branch) in branches.iter().enumerate() {
            if position + 1 == branches.len() {
                self.emit(branch, groups)?;
                break;
            }
            let split = self.push(Step::Split(0, 0))?;
            self.emit(branch, groups)?;
            ends.push(self.push(Step::Jump(0))?);
            self.steps[split] = Step::Split(split + 1, self.steps.len());
        }
        let after = self.steps.len();
        for end in ends {
            self.steps[end] = Step::Jump(after);
        }
        Ok(())
    }

    fn emit_repeated(&mut self, body: &Node, repeat: Repeat, groups: &[Option<Node>]) -> Parse<()> {
        for _ in 0..repeat.min {
            self.emit(body, groups)?;
        }
        let Some(max) = repeat.max else {
            let split = self.push(Step::Split(0, 0))?;
            self.emit(body, groups)?;
            self.push(Step::Jump(split))?;
            self.steps[split] = Step::Split(split + 1, self.steps.len());
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in repeat.min..max {
            splits.push(self.push(Step::Split(0, 0))?);
            self.emit(body, groups)?;
        }
        let after = self.steps.len();
        for split in splits {
            self.steps[split] = Step::Split(split + 1, after);
        }
        Ok(())
    }

    /// The end of the longest match that begins at `start` and ends no later than `stop`. What is looked at comes off
    /// the budget.
    pub(super) fn longest(&self, text: &[char], start: usize, stop: usize, budget: &mut usize) -> Option<usize> {
        let mut found = None;
        self.ends(text, start, stop, budget, &mut |end| {
            found = Some(end);
            true
        });
        found
    }

    /// The end of the shortest match that begins at `start` and ends from `least` to `stop`.
    pub(super) fn shortest(
        &self,
        text: &[char],
        start: usize,
        least: usize,
        stop: usize,
        budget: &mut usize,
    ) -> Option<usize> {
        let mut found = None;
        self.ends(text, start, stop, budget, &mut |end| {
            if end >= least {
                found = Some(end);
            }
            found.is_none()
        });
        found
    }

    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Calls `end` with the ends of matches in ascending order until it wants no more.
    fn ends(&self, text: &[char], start: usize, stop: usize, budget: &mut usize, end: &mut dyn FnMut(usize) -> bool) {
        let (mut current, mut next) = (States::new(self.steps.len()), States::new(self.steps.len()));
        let mut accepted = self.enter(0, start, text, start, &mut current);
        for at in start..=stop {
            *budget = budget.saturating_sub(1);
            if *budget == 0 || (accepted && !end(at)) {
                return;
            }
            if at == stop || current.list.is_empty() {
                return;
            }
            accepted = self.advance(text, at, &current, &mut next);
            std::mem::swap(&mut current, &mut next);
            next.clear();
        }
    }

    fn advance(&self, text: &[char], at: usize, current: &States, next: &mut States) -> bool {
        let mut accepted = false;
        for (step, began) in &current.list {
            if let Step::Take(set) = &self.steps[*step]
                && set.contains(text[at])
            {
                accepted |= self.enter(step + 1, *began, text, at + 1, next);
            }
        }
        accepted
    }

    /// Enters a step and all that can be reached from it without taking a character; whether one of them accepts.
    fn enter(&self, step: usize, began: usize, text: &[char], at: usize, states: &mut States) -> bool {
        let mut accepted = false;
        let mut pending = vec![step];
        while let Some(step) = pending.pop() {
            if std::mem::replace(&mut states.entered[step], states.round) == states.round {
                continue;
            }
            match &self.steps[step] {
                Step::Take(_) => states.list.push((step, began)),
                Step::Accept => {
                    states.list.push((step, began));
                    accepted = true;
                }
                Step::Split(first, second) => pending.extend([*second, *first]),
                Step::Jump(to) => pending.push(*to),
                Step::Assert(assertion) => {
                    if self.holds(*assertion, text, at) {
                        pending.push(step + 1);
                    }
                }
                Step::Look { ahead, negative, body } => {
                    let found = if *ahead {
                        let mut unlimited = usize::MAX;
                        body.shortest(text, at, at, text.len(), &mut unlimited).is_some()
                    } else {
                        body.ends_at(text, at)
                    };
                    if found != *negative {
                        pending.push(step + 1);
                    }
                }
            }
        }
        accepted
    }

    /// Where the leftmost match from `from` on begins.
    pub(super) fn leftmost(&self, text: &[char], from: usize) -> Option<usize> {
        let (mut current, mut next) = (States::new(self.steps.len()), States::new(self.steps.len()));
        let mut best = None;
        for at in from..=text.len() {
            if best.is_none() {
                self.enter(0, at, text, at, &mut current);
            }
            // States stand in the order in which their matches began.
            let accepted = current.list.iter().find(|(step, _)| matches!(self.steps[*step], Step::Accept));
            if let Some((_, began)) = accepted.copied() {
                best = Some(began);
                current.list.retain(|(_, other)| *other < began);
            }
            if at == text.len() || (best.is_some() && current.list.is_empty()) {
                break;
            }
            self.advance(text, at, &current, &mut next);
            std::mem::swap(&mut current, &mut next);
            next.clear();
        }
        best
    }

    /// Whether there is a match at all.
    pub(super) fn matches(&self, text: &[char]) -> bool {
        self.anywhere(text, &|_| true)
    }

    /// Whether a match ends at a place.
    fn ends_at(&self, text: &[char], end: usize) -> bool {
        self.anywhere_until(text, end, &|at| at == end)
    }

    fn anywhere(&self, text: &[char], wanted: &dyn Fn(usize) -> bool) -> bool {
        self.anywhere_until(text, text.len(), wanted)
    }

    /// Whether a match ends at a wanted place that is no later than `stop`.
    fn anywhere_until(&self, text: &[char], stop: usize, wanted: &dyn Fn(usize) -> bool) -> bool {
        let (mut current, mut next) = (States::new(self.steps.len()), States::new(self.steps.len()));
        let mut accepted = false;
        for at in 0..=stop {
            accepted |= self.enter(0, at, text, at, &mut current);
            if accepted && wanted(at) {
                return true;
            }
            if at == stop {
                break;
            }
            accepted = self.advance(text, at, &current, &mut next);
            std::mem::swap(&mut current, &mut next);
            next.clear();
        }
        false
    }

    fn holds(&self, assertion: Assertion, text: &[char], at: usize) -> bool {
        let word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|c| self.word.contains(*c));
        let (before, after) = (|| word(at.checked_sub(1)), || word(Some(at)));
        match assertion {
            Assertion::TextStart => at == 0,
            Assertion::TextEnd => at == text.len(),
            Assertion::LineStart => at == 0 || text[at - 1] == '\n',
            Assertion::LineEnd => text.get(at).is_none_or(|c| *c == '\n'),
            Assertion::WordStart => !before() && after(),
            Assertion::WordEnd => before() && !after(),
            Assertion::WordBoundary => before() != after(),
            Assertion::NoWordBoundary => before() == after(),
        }
    }
}
