//! How a match is taken apart: the expression as a tree in which every part knows whether it wants much or little.
//!
//! The rules are those of section 9.7.3.5 of PostgreSQL's manual. A part without groups, whose own parts all want the
//! same, is one leaf: nobody can see how its text is divided.

use super::parse::Parse;
use super::program::Program;
use super::syntax::{Fault, Node, Parsed, Preference, Repeat};

/// Beyond so many parts that have to be looked into, an expression is refused.
const PARTS_MAX: usize = 1000;
/// The same for the steps of all their machines together.
const STEPS_MAX: usize = 200_000;

#[derive(Debug)]
pub(super) struct Tree {
    pub(super) kind: Kind,
    /// Whole matches of this part.
    pub(super) program: Program,
    pub(super) capture: Option<usize>,
    wants: Wants,
}

#[derive(Debug)]
pub(super) enum Kind {
    Leaf,
    Sequence(Box<Tree>, Box<Tree>),
    Alternatives(Vec<Tree>),
    Repeated { body: Box<Tree>, min: usize, max: usize },
    BackReference { group: usize, min: usize, max: usize },
}

/// What a part wants, and whether its parts have to be told apart.
#[derive(Debug, Clone, Copy, Default)]
struct Wants {
    first: Option<Preference>,
    long: bool,
    short: bool,
    has_groups: bool,
    has_back_references: bool,
}

impl Wants {
    fn of(first: Option<Preference>) -> Self {
        let long = first == Some(Preference::Longest);
        Self { first, long, short: first == Some(Preference::Shortest), ..Self::default() }
    }

    /// With what follows; the first to want something decides.
    fn and(self, other: Wants) -> Self {
        Self {
            first: self.first.or(other.first),
            long: self.long | other.long,
            short: self.short | other.short,
            has_groups: self.has_groups | other.has_groups,
            has_back_references: self.has_back_references | other.has_back_references,
        }
    }

    fn is_messy(self) -> bool {
        (self.long && self.short) || self.has_groups || self.has_back_references
    }
}

impl Tree {
    pub(super) fn is_shortest(&self) -> bool {
        self.wants.first == Some(Preference::Shortest)
    }
}

/// Builds trees; knows the groups by number.
struct Builder {
    groups: Vec<Option<Node>>,
    parts: usize,
    steps: usize,
}

/// The tree of an expression, and how many steps all machines in it have.
pub(super) fn build(parsed: &Parsed) -> Parse<(Tree, usize)> {
    let mut builder = Builder { groups: vec![None; parsed.groups + 1], parts: 0, steps: 0 };
    if parsed.has_back_references {
        builder.collect(&parsed.node);
    }
    let tree = builder.tree(&parsed.node)?;
    Ok((tree, builder.steps))
}

impl Builder {
    fn collect(&mut self, node: &Node) {
        match node {
            Node::Group(number, body) => {
                if let Some(place) = number.and_then(|number| self.groups.get_mut(number)) {
                    *place = Some((**body).clone());
                }
                self.collect(body);
            }
            Node::Sequence(items) | Node::Alternatives(items) => items.iter().for_each(|item| self.collect(item)),
            Node::Repeated(body, _) => self.collect(body),
            Node::Empty | Node::Set(_) | Node::Assertion(_) | Node::Look { .. } | Node::BackReference(_) => {}
        }
    }

    fn leaf(&mut self, parts: &[&Node], wants: Wants) -> Parse<Tree> {
        self.made(parts, Kind::Leaf, wants)
    }

    fn made(&mut self, parts: &[&Node], kind: Kind, wants: Wants) -> Parse<Tree> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(Fault::TooComplex);
        }
        let program = Program::of(parts, &self.groups)?;
        self.steps += program.steps();
        if self.steps > STEPS_MAX {
            return Err(Fault::TooComplex);
        }
        Ok(Tree { kind, program, capture: None, wants })
    }

    fn tree(&mut self, node: &Node) -> Parse<Tree> {
        match node {
            Node::Alternatives(branches) => {
                let mut trees = Vec::new();
                let mut wants = Wants::of(Some(Preference::Longest));
                for branch in branches {
                    let tree = self.branch(&items(branch))?;
                    wants = wants.and(tree.wants);
                    trees.push(tree);
                }
                let kind = if wants.is_messy() { Kind::Alternatives(trees) } else { Kind::Leaf };
                self.made(&[node], kind, wants)
            }
            _ => self.branch(&items(node)),
        }
    }

    /// What follows each other: as much as can be one leaf, then a part to be looked into, then the rest likewise.
    fn branch(&mut self, items: &[&Node]) -> Parse<Tree> {
        let mut wants = Wants::default();
        for (position, item) in items.iter().enumerate() {
            let (atom, repeat) = parts(item);
            if is_nothing(repeat) || matches!(atom, Node::Set(_) | Node::Empty | Node::Assertion(_) | Node::Look { .. })
            {
                let more = wants.and(Wants::of(repeat.prefers).nothing_if(is_nothing(repeat)));
                if !more.is_messy() {
                    wants = more;
                    continue;
                }
            } else if !is_captured(atom) {
                let inner = self.wants_of(atom);
                let more = wants.and(Wants::of(repeat.prefers)).and(inner);
                if !more.is_messy() {
                    wants = more;
                    continue;
                }
            }
            let piece = self.piece(item, atom, repeat)?;
            let rest = &items[position + 1..];
            let tail = if rest.is_empty() {
                piece
            } else {
                let rest_tree = self.branch(rest)?;
                self.pair(&items[position..], piece, rest_tree)?
            };
            if position == 0 {
                return Ok(tail);
            }
            let head = self.leaf(&items[..position], wants)?;
            return self.pair(items, head, tail);
        }
        self.leaf(items, wants)
    }

    fn pair(&mut self, items: &[&Node], first: Tree, second: Tree) -> Parse<Tree> {
        let wants = first.wants.and(second.wants);
        self.made(items, Kind::Sequence(Box::new(first), Box::new(second)), wants)
    }

    fn piece(&mut self, item: &Node, atom: &Node, repeat: Repeat) -> Parse<Tree> {
        let (min, max) = (repeat.min as usize, repeat.max.map_or(usize::MAX, |max| max as usize));
        if let Node::BackReference(group) = atom {
            let wants = Wants { has_back_references: true, ..Wants::of(repeat.prefers) };
            return self.made(&[item], Kind::BackReference { group: *group, min, max }, wants);
        }
        let mut body = match atom {
            Node::Group(_, body) => self.tree(body)?,
            other => self.branch(&[other])?,
        };
        if let Node::Group(Some(number), _) = atom {
            // A group around nothing but a group needs a place of its own.
            if body.capture.is_some() {
                let wants = body.wants;
                let empty = self.leaf(&[], Wants::default())?;
                body = Tree {
                    kind: Kind::Sequence(Box::new(empty), Box::new(body)),
                    program: Program::of(&[atom], &self.groups)?,
                    capture: None,
                    wants,
                };
            }
            body.capture = Some(*number);
            body.wants.has_groups = true;
        }
        let own = Wants::of(repeat.prefers);
        let once = min == 1 && max == 1;
        let agrees = repeat.prefers.is_none() || body.wants.first.is_none() || repeat.prefers == body.wants.first;
        if once && agrees {
            body.wants = own.and(body.wants);
            return Ok(body);
        }
        let wants = own.and(body.wants);
        if !body.wants.has_groups && !body.wants.has_back_references {
            return self.leaf(&[item], wants);
        }
        if min > 0 && !body.wants.has_back_references {
            // What all but the last round captured is forgotten, so they need not be told apart.
            let fewer = Repeat { min: repeat.min - 1, max: repeat.max.map(|max| max - 1), prefers: repeat.prefers };
            let rounds = Node::Repeated(Box::new(atom.clone()), fewer);
            let first = self.leaf(&[&rounds], Wants::of(wants.first))?;
            let mut made = self.pair(&[item], first, body)?;
            made.wants = wants;
            return Ok(made);
        }
        self.made(&[item], Kind::Repeated { body: Box::new(body), min, max }, wants)
    }

    /// What a part wants, without a tree being kept of it.
    fn wants_of(&mut self, node: &Node) -> Wants {
        match node {
            Node::Group(number, body) => {
                let mut wants = self.wants_of(body);
                wants.has_groups |= number.is_some();
                wants
            }
            Node::Sequence(items) => items.iter().fold(Wants::default(), |wants, item| wants.and(self.wants_of(item))),
            Node::Alternatives(branches) => branches
                .iter()
                .fold(Wants::of(Some(Preference::Longest)), |wants, branch| wants.and(self.wants_of(branch))),
            Node::Repeated(_, repeat) if is_nothing(*repeat) => Wants::default(),
            Node::Repeated(body, repeat) => Wants::of(repeat.prefers).and(self.wants_of(body)),
            Node::BackReference(_) => Wants { has_back_references: true, ..Wants::default() },
            Node::Empty | Node::Set(_) | Node::Assertion(_) | Node::Look { .. } => Wants::default(),
        }
    }
}

impl Wants {
    fn nothing_if(self, nothing: bool) -> Self {
        if nothing { Self::default() } else { self }
    }
}

fn items(node: &Node) -> Vec<&Node> {
    match node {
        Node::Sequence(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// An atom and how often it occurs.
fn parts(item: &Node) -> (&Node, Repeat) {
    match item {
        Node::Repeated(atom, repeat) => (atom, *repeat),
        atom => (atom, Repeat { min: 1, max: Some(1), prefers: None }),
    }
}

/// `{0}`: whatever it stands behind is not there.
fn is_nothing(repeat: Repeat) -> bool {
    repeat.max == Some(0)
}

fn is_captured(atom: &Node) -> bool {
    matches!(atom, Node::Group(Some(_), _) | Node::BackReference(_))
}
