//! The options of a regular expression: a function's flags, and `(?…)` at the expression's start.

use crate::error::{Error, Result};
use crate::function::argument::invalid;

/// Which language the expression is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Language {
    Advanced,
    Extended,
    /// Every character stands for itself.
    Literal,
}

/// How an expression is read and what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flags {
    pub(super) language: Language,
    pub(super) ignore_case: bool,
    /// `.` and `[^…]` do not match a newline.
    pub(super) stop_at_newline: bool,
    /// `^` and `$` match at newlines too.
    pub(super) anchor_at_newline: bool,
    /// White space and comments are ignored.
    pub(super) expanded: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            language: Language::Advanced,
            ignore_case: false,
            stop_at_newline: false,
            anchor_at_newline: false,
            expanded: false,
        }
    }
}

impl Flags {
    pub(crate) fn ignoring_case(ignore_case: bool) -> Self {
        Self { ignore_case, ..Self::default() }
    }

    /// What a function's flags say, and whether `g` is among them.
    pub(crate) fn of(text: &str) -> Result<(Self, bool)> {
        let mut flags = Self::default();
        let mut global = false;
        for c in text.chars() {
            match c {
                'g' => global = true,
                'b' => return Err(Error::unsupported("a basic regular expression")),
                c => flags.take(c).ok_or_else(|| invalid(format!("invalid regular expression option: \"{c}\"")))?,
            }
        }
        Ok((flags, global))
    }

    /// Takes one option; `None` if there is none of that letter.
    pub(super) fn take(&mut self, letter: char) -> Option<()> {
        match letter {
            'c' => self.ignore_case = false,
            'e' => self.language = Language::Extended,
            'i' => self.ignore_case = true,
            'm' | 'n' => (self.stop_at_newline, self.anchor_at_newline) = (true, true),
            'p' => (self.stop_at_newline, self.anchor_at_newline) = (true, false),
            'q' => self.language = Language::Literal,
            's' => (self.stop_at_newline, self.anchor_at_newline) = (false, false),
            't' => self.expanded = false,
            'w' => (self.stop_at_newline, self.anchor_at_newline) = (false, true),
            'x' => self.expanded = true,
            _ => return None,
        }
        Some(())
    }
}
