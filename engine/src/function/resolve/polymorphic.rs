//! Polymorphic arguments: `anyelement` and its kin must be of one type, `anycompatible` and its kin of types that
//! have one in common (PostgreSQL manual, "Polymorphic Types").

use super::common_type;
use crate::function::CastContext::Implicit;
use crate::types::range::{self, RangeKind};
use crate::types::{Type, builtin, oid};

/// Which family a pseudo-type belongs to and what it makes of an element.
fn family(ty: u32) -> Option<(Family, Shape)> {
    Some(match ty {
        oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => (Family::Alike, Shape::Element),
        oid::ANYARRAY => (Family::Alike, Shape::Array),
        oid::ANYRANGE => (Family::Alike, Shape::Range),
        oid::ANYMULTIRANGE => (Family::Alike, Shape::Multirange),
        oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => (Family::Compatible, Shape::Element),
        oid::ANYCOMPATIBLEARRAY => (Family::Compatible, Shape::Array),
        _ => return None,
    })
}

/// What a polymorphic type stands for, in terms of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Element,
    Array,
    Range,
    Multirange,
}

impl Shape {
    /// Of a polymorphic type.
    pub(crate) fn of(declared: u32) -> Option<Self> {
        family(declared).map(|(_, shape)| shape)
    }

    /// The element of a type of this shape.
    pub(crate) fn element_of(self, ty: u32) -> Option<u32> {
        match self {
            Shape::Element => Some(ty),
            Shape::Array => builtin::element_of(ty),
            Shape::Range => range::bounds_of_range(ty),
            Shape::Multirange => range::bounds_of_multirange(ty),
        }
    }

    /// The type of this shape over an element; `range` is the range type that is meant, if some argument tells.
    pub(crate) fn over(self, element: u32, range: Option<u32>) -> Option<u32> {
        match self {
            Shape::Element => Some(element),
            Shape::Array => builtin::array_of(element),
            Shape::Range => range.or_else(|| RangeKind::over(element).map(RangeKind::range_type)),
            Shape::Multirange => range::multirange_of(Shape::Range.over(element, range)?),
        }
    }

    /// The range type that an argument of this shape tells.
    pub(crate) fn range_of(self, ty: u32) -> Option<u32> {
        match self {
            Shape::Element | Shape::Array => None,
            Shape::Range => range::bounds_of_range(ty).map(|_| ty),
            Shape::Multirange => range::range_of(ty),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Alike,
    Compatible,
}

/// What a polymorphic type stands for in a call; None if the arguments do not tell.
pub(crate) fn stands_for(args: &[u32], types: &[u32], wanted: u32) -> Option<u32> {
    Concrete::of(args, types).resolve(wanted)
}

/// Whether two such types stand for what one of them tells.
pub(crate) fn same_family(one: u32, other: u32) -> bool {
    let of = |ty: u32| family(ty).map(|(family, _)| family);
    of(one) == of(other)
}

/// Whether the type stands for one that the arguments tell.
pub(crate) fn is_polymorphic(ty: u32) -> bool {
    family(ty).is_some()
}

/// The element type that a family's arguments say; `Ok(None)` if all are unknown, `Err` if they disagree.
fn element(wanted: Family, args: &[u32], types: &[u32]) -> Result<Option<u32>, ()> {
    let mut said = Vec::new();
    for (arg, ty) in args.iter().zip(types) {
        let Some((family, shape)) = family(*arg).filter(|(family, _)| *family == wanted) else { continue };
        if *ty == oid::UNKNOWN {
            continue;
        }
        let info = builtin::info(*ty).ok_or(())?;
        let element = shape.element_of(*ty).ok_or(())?;
        if matches!(*arg, oid::ANYNONARRAY | oid::ANYCOMPATIBLENONARRAY) && info.is_array() {
            return Err(());
        }
        if *arg == oid::ANYENUM && !builtin::is_enum(*ty) {
            return Err(());
        }
        if family == Family::Alike && said.first().is_some_and(|first: &Type| first.oid != element) {
            return Err(());
        }
        said.push(Type::new(element));
    }
    if said.is_empty() {
        // Only an argument of some enum says that enums are meant, and only a range that ranges are.
        let is_telling = |arg: &u32| [oid::ANYENUM, oid::ANYRANGE, oid::ANYMULTIRANGE].contains(arg);
        if wanted == Family::Alike && args.iter().any(is_telling) {
            return Err(());
        }
        return Ok(None);
    }
    let common = common_type(&said, "arguments").map_err(|_| ())?.oid;
    if said.iter().all(|ty| super::can_coerce(ty.oid, common, Implicit)) { Ok(Some(common)) } else { Err(()) }
}

/// The range type that the arguments tell; `Ok(None)` if none does, `Err` if they disagree.
fn range_told(args: &[u32], types: &[u32]) -> Result<Option<u32>, ()> {
    let mut told = args.iter().zip(types).filter_map(|(arg, ty)| Shape::of(*arg)?.range_of(*ty));
    let first = told.next();
    if told.all(|other| Some(other) == first) { Ok(first) } else { Err(()) }
}

/// Whether the types agree where the arguments want them to.
pub(super) fn consistent(args: &[u32], types: &[u32]) -> bool {
    !args.iter().any(|arg| is_polymorphic(*arg))
        || (element(Family::Alike, args, types).is_ok()
            && element(Family::Compatible, args, types).is_ok()
            && range_told(args, types).is_ok())
}

/// What the pseudo-types of a call stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concrete {
    alike: Option<u32>,
    compatible: Option<u32>,
    range: Option<u32>,
}

impl Concrete {
    /// From the declared arguments and the actual types. Unknowns alone make text of the compatible family.
    pub(super) fn of(args: &[u32], types: &[u32]) -> Self {
        let compatible = args.iter().any(|arg| matches!(family(*arg), Some((Family::Compatible, _))));
        Self {
            alike: element(Family::Alike, args, types).ok().flatten(),
            compatible: element(Family::Compatible, args, types).ok().flatten().or(compatible.then_some(oid::TEXT)),
            range: range_told(args, types).ok().flatten(),
        }
    }

    /// The type that a declared one stands for; `None` if the arguments do not tell.
    pub(super) fn resolve(&self, declared: u32) -> Option<u32> {
        let Some((family, shape)) = family(declared) else { return Some(declared) };
        let element = match family {
            Family::Alike => self.alike,
            Family::Compatible => self.compatible,
        }?;
        shape.over(element, self.range)
    }
}
