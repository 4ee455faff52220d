//! Multiranges: ranges that neither overlap nor touch, in their order.

use super::{Cut, Point, Range, RangeKind, Span};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Multirange {
    pub(crate) kind: RangeKind,
    /// In order, with room between any two.
    pub(crate) spans: Vec<Span>,
}

impl Multirange {
    /// What lies in any of the spans.
    pub(crate) fn of(kind: RangeKind, mut spans: Vec<Span>) -> Self {
        spans.sort();
        let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.lower <= last.upper => *last = last.merged(&span),
                _ => merged.push(span),
            }
        }
        Self { kind, spans: merged }
    }

    pub(crate) fn of_range(range: Range) -> Self {
        Self { kind: range.kind, spans: range.span.into_iter().collect() }
    }

    /// The smallest range that has all of it.
    pub(crate) fn hull(&self) -> Range {
        let span = self.spans.first().zip(self.spans.last()).map(|(first, last)| first.merged(last));
        Range { kind: self.kind, span }
    }

    pub(crate) fn contains(&self, point: &Point) -> bool {
        self.spans.iter().any(|span| span.contains(point))
    }

    pub(crate) fn contains_span(&self, other: &Span) -> bool {
        self.spans.iter().any(|span| span.contains_cut_span(other))
    }

    pub(crate) fn contains_all(&self, other: &Multirange) -> bool {
        other.spans.iter().all(|span| self.contains_span(span))
    }

    pub(crate) fn overlaps(&self, other: &Multirange) -> bool {
        self.spans.iter().any(|span| other.spans.iter().any(|other| span.overlaps(other)))
    }

    pub(crate) fn union(&self, other: &Multirange) -> Multirange {
        Multirange::of(self.kind, [self.spans.as_slice(), &other.spans].concat())
    }

    pub(crate) fn common(&self, other: &Multirange) -> Multirange {
        let pairs = self.spans.iter().flat_map(|span| other.spans.iter().filter_map(|other| span.common(other)));
        Multirange::of(self.kind, pairs.collect())
    }

    /// What of it lies outside the other.
    pub(crate) fn minus(&self, other: &Multirange) -> Multirange {
        let mut left = Vec::new();
        for span in &self.spans {
            let mut from = span.lower.clone();
            for gone in other.spans.iter().filter(|gone| gone.overlaps(span)) {
                if from < gone.lower {
                    left.push(Span { lower: from, upper: gone.lower.clone() });
                }
                from = gone.upper.clone();
            }
            if from < span.upper {
                left.push(Span { lower: from, upper: span.upper.clone() });
            }
        }
        Multirange { kind: self.kind, spans: left }
    }

    pub(crate) fn first_cut(&self) -> Option<&Cut> {
        self.spans.first().map(|span| &span.lower)
    }

    pub(crate) fn last_cut(&self) -> Option<&Cut> {
        self.spans.last().map(|span| &span.upper)
    }
}
