//! Functions and operators of ranges and multiranges.

use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use storage::Value;

use super::define::{immutable, table};
use super::{Eval, Function, TableFunction};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;
use crate::types::range::{Bound, Multirange, Range, RangeKind, bounds_of_range, point_of, range_of};

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(3840, "int4range", &[INT4, INT4], INT4RANGE, |_, args| made(RangeKind::Int4, args)).takes_nulls(),
    immutable(3841, "int4range", &[INT4, INT4, TEXT], INT4RANGE, |_, args| made(RangeKind::Int4, args)).takes_nulls(),
    immutable(3844, "numrange", &[NUMERIC, NUMERIC], NUMRANGE, |_, args| made(RangeKind::Numeric, args)).takes_nulls(),
    immutable(3845, "numrange", &[NUMERIC, NUMERIC, TEXT], NUMRANGE, |_, args| made(RangeKind::Numeric, args)).takes_nulls(),
    immutable(3933, "tsrange", &[TIMESTAMP, TIMESTAMP], TSRANGE, |_, args| made(RangeKind::Timestamp, args)).takes_nulls(),
    immutable(3934, "tsrange", &[TIMESTAMP, TIMESTAMP, TEXT], TSRANGE, |_, args| made(RangeKind::Timestamp, args)).takes_nulls(),
    immutable(3937, "tstzrange", &[TIMESTAMPTZ, TIMESTAMPTZ], TSTZRANGE, |_, args| made(RangeKind::Timestamptz, args)).takes_nulls(),
    immutable(3938, "tstzrange", &[TIMESTAMPTZ, TIMESTAMPTZ, TEXT], TSTZRANGE, |_, args| made(RangeKind::Timestamptz, args)).takes_nulls(),
    immutable(3941, "daterange", &[DATE, DATE], DATERANGE, |_, args| made(RangeKind::Date, args)).takes_nulls(),
    immutable(3942, "daterange", &[DATE, DATE, TEXT], DATERANGE, |_, args| made(RangeKind::Date, args)).takes_nulls(),
    immutable(3945, "int8range", &[INT8, INT8], INT8RANGE, |_, args| made(RangeKind::Int8, args)).takes_nulls(),
    immutable(3946, "int8range", &[INT8, INT8, TEXT], INT8RANGE, |_, args| made(RangeKind::Int8, args)).takes_nulls(),

    immutable(4280, "int4multirange", &[], INT4MULTIRANGE, |_, args| gathered(RangeKind::Int4, args)),
    immutable(4281, "int4multirange", &[INT4RANGE], INT4MULTIRANGE, |_, args| gathered(RangeKind::Int4, args)),
    immutable(4282, "int4multirange", &[INT4RANGE], INT4MULTIRANGE, |_, args| gathered(RangeKind::Int4, args)).variadic(),
    immutable(4283, "nummultirange", &[], NUMMULTIRANGE, |_, args| gathered(RangeKind::Numeric, args)),
    immutable(4284, "nummultirange", &[NUMRANGE], NUMMULTIRANGE, |_, args| gathered(RangeKind::Numeric, args)),
    immutable(4285, "nummultirange", &[NUMRANGE], NUMMULTIRANGE, |_, args| gathered(RangeKind::Numeric, args)).variadic(),
    immutable(4286, "tsmultirange", &[], TSMULTIRANGE, |_, args| gathered(RangeKind::Timestamp, args)),
    immutable(4287, "tsmultirange", &[TSRANGE], TSMULTIRANGE, |_, args| gathered(RangeKind::Timestamp, args)),
    immutable(4288, "tsmultirange", &[TSRANGE], TSMULTIRANGE, |_, args| gathered(RangeKind::Timestamp, args)).variadic(),
    immutable(4289, "tstzmultirange", &[], TSTZMULTIRANGE, |_, args| gathered(RangeKind::Timestamptz, args)),
    immutable(4290, "tstzmultirange", &[TSTZRANGE], TSTZMULTIRANGE, |_, args| gathered(RangeKind::Timestamptz, args)),
    immutable(4291, "tstzmultirange", &[TSTZRANGE], TSTZMULTIRANGE, |_, args| gathered(RangeKind::Timestamptz, args)).variadic(),
    immutable(4292, "datemultirange", &[], DATEMULTIRANGE, |_, args| gathered(RangeKind::Date, args)),
    immutable(4293, "datemultirange", &[DATERANGE], DATEMULTIRANGE, |_, args| gathered(RangeKind::Date, args)),
    immutable(4294, "datemultirange", &[DATERANGE], DATEMULTIRANGE, |_, args| gathered(RangeKind::Date, args)).variadic(),
    immutable(4295, "int8multirange", &[], INT8MULTIRANGE, |_, args| gathered(RangeKind::Int8, args)),
    immutable(4296, "int8multirange", &[INT8RANGE], INT8MULTIRANGE, |_, args| gathered(RangeKind::Int8, args)),
    immutable(4297, "int8multirange", &[INT8RANGE], INT8MULTIRANGE, |_, args| gathered(RangeKind::Int8, args)).variadic(),
    immutable(4298, "multirange", &[ANYRANGE], ANYMULTIRANGE, |_, args| of_many(many(&args[0])?)),

    immutable(3848, "lower", &[ANYRANGE], ANYELEMENT, |_, args| end(&args[0], true)),
    immutable(3849, "upper", &[ANYRANGE], ANYELEMENT, |_, args| end(&args[0], false)),
    immutable(3850, "isempty", &[ANYRANGE], BOOL, |_, args| Ok(Value::Bool(many(&args[0])?.spans.is_empty()))),
    immutable(3851, "lower_inc", &[ANYRANGE], BOOL, |_, args| is_inclusive(&args[0], true)),
    immutable(3852, "upper_inc", &[ANYRANGE], BOOL, |_, args| is_inclusive(&args[0], false)),
    immutable(3853, "lower_inf", &[ANYRANGE], BOOL, |_, args| is_infinite(&args[0], true)),
    immutable(3854, "upper_inf", &[ANYRANGE], BOOL, |_, args| is_infinite(&args[0], false)),
    immutable(4235, "lower", &[ANYMULTIRANGE], ANYELEMENT, |_, args| end(&args[0], true)),
    immutable(4236, "upper", &[ANYMULTIRANGE], ANYELEMENT, |_, args| end(&args[0], false)),
    immutable(4237, "isempty", &[ANYMULTIRANGE], BOOL, |_, args| Ok(Value::Bool(many(&args[0])?.spans.is_empty()))),
    immutable(4238, "lower_inc", &[ANYMULTIRANGE], BOOL, |_, args| is_inclusive(&args[0], true)),
    immutable(4239, "upper_inc", &[ANYMULTIRANGE], BOOL, |_, args| is_inclusive(&args[0], false)),
    immutable(4240, "lower_inf", &[ANYMULTIRANGE], BOOL, |_, args| is_infinite(&args[0], true)),
    immutable(4241, "upper_inf", &[ANYMULTIRANGE], BOOL, |_, args| is_infinite(&args[0], false)),

    immutable(3870, "range_cmp", &[ANYRANGE, ANYRANGE], INT4, |_, args| order(args)),
    immutable(4273, "multirange_cmp", &[ANYMULTIRANGE, ANYMULTIRANGE], INT4, |_, args| order(args)),

    immutable(3857, "range_overlaps", &[ANYRANGE, ANYRANGE], BOOL, overlaps),
    immutable(4246, "range_overlaps_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, overlaps),
    immutable(4247, "multirange_overlaps_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, overlaps),
    immutable(4248, "multirange_overlaps_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, overlaps),

    immutable(3858, "range_contains_elem", &[ANYRANGE, ANYELEMENT], BOOL, |_, args| has(&args[0], &args[1])),
    immutable(3860, "elem_contained_by_range", &[ANYELEMENT, ANYRANGE], BOOL, |_, args| has(&args[1], &args[0])),
    immutable(4249, "multirange_contains_elem", &[ANYMULTIRANGE, ANYELEMENT], BOOL, |_, args| has(&args[0], &args[1])),
    immutable(4252, "elem_contained_by_multirange", &[ANYELEMENT, ANYMULTIRANGE], BOOL, |_, args| has(&args[1], &args[0])),

    immutable(3859, "range_contains", &[ANYRANGE, ANYRANGE], BOOL, |_, args| contains(&args[0], &args[1])),
    immutable(4250, "multirange_contains_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, |_, args| contains(&args[0], &args[1])),
    immutable(4251, "multirange_contains_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, |_, args| contains(&args[0], &args[1])),
    immutable(4541, "range_contains_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, |_, args| contains(&args[0], &args[1])),
    immutable(3861, "range_contained_by", &[ANYRANGE, ANYRANGE], BOOL, |_, args| contains(&args[1], &args[0])),
    immutable(4253, "range_contained_by_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, |_, args| contains(&args[1], &args[0])),
    immutable(4254, "multirange_contained_by_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, |_, args| contains(&args[1], &args[0])),
    immutable(4542, "multirange_contained_by_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, |_, args| contains(&args[1], &args[0])),

    immutable(3862, "range_adjacent", &[ANYRANGE, ANYRANGE], BOOL, adjacent),
    immutable(4255, "range_adjacent_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, adjacent),
    immutable(4256, "multirange_adjacent_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, adjacent),
    immutable(4257, "multirange_adjacent_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, adjacent),

    immutable(3863, "range_before", &[ANYRANGE, ANYRANGE], BOOL, before),
    immutable(4258, "range_before_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, before),
    immutable(4259, "multirange_before_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, before),
    immutable(4260, "multirange_before_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, before),
    immutable(3864, "range_after", &[ANYRANGE, ANYRANGE], BOOL, after),
    immutable(4261, "range_after_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, after),
    immutable(4262, "multirange_after_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, after),
    immutable(4263, "multirange_after_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, after),

    immutable(3865, "range_overleft", &[ANYRANGE, ANYRANGE], BOOL, ends_within),
    immutable(4264, "range_overleft_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, ends_within),
    immutable(4265, "multirange_overleft_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, ends_within),
    immutable(4266, "multirange_overleft_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, ends_within),
    immutable(3866, "range_overright", &[ANYRANGE, ANYRANGE], BOOL, begins_within),
    immutable(4267, "range_overright_multirange", &[ANYRANGE, ANYMULTIRANGE], BOOL, begins_within),
    immutable(4268, "multirange_overright_range", &[ANYMULTIRANGE, ANYRANGE], BOOL, begins_within),
    immutable(4269, "multirange_overright_multirange", &[ANYMULTIRANGE, ANYMULTIRANGE], BOOL, begins_within),

    immutable(3867, "range_union", &[ANYRANGE, ANYRANGE], ANYRANGE, |_, args| {
        one(many(&args[0])?.union(&many(&args[1])?), "result of range union would not be contiguous")
    }),
    immutable(3868, "range_intersect", &[ANYRANGE, ANYRANGE], ANYRANGE, |_, args| {
        of_range(many(&args[0])?.common(&many(&args[1])?).hull())
    }),
    immutable(3869, "range_minus", &[ANYRANGE, ANYRANGE], ANYRANGE, |_, args| {
        one(many(&args[0])?.minus(&many(&args[1])?), "result of range difference would not be contiguous")
    }),
    immutable(4057, "range_merge", &[ANYRANGE, ANYRANGE], ANYRANGE, |_, args| {
        let (left, right) = (many(&args[0])?.hull(), many(&args[1])?.hull());
        let span = match (&left.span, &right.span) {
            (Some(left), Some(right)) => Some(left.merged(right)),
            (left, right) => left.clone().or(right.clone()),
        };
        of_range(Range { span, ..left })
    }),
    immutable(4228, "range_merge", &[ANYMULTIRANGE], ANYRANGE, |_, args| of_range(many(&args[0])?.hull())),
    immutable(4270, "multirange_union", &[ANYMULTIRANGE, ANYMULTIRANGE], ANYMULTIRANGE, |_, args| {
        of_many(many(&args[0])?.union(&many(&args[1])?))
    }),
    immutable(4271, "multirange_minus", &[ANYMULTIRANGE, ANYMULTIRANGE], ANYMULTIRANGE, |_, args| {
        of_many(many(&args[0])?.minus(&many(&args[1])?))
    }),
    immutable(4272, "multirange_intersect", &[ANYMULTIRANGE, ANYMULTIRANGE], ANYMULTIRANGE, |_, args| {
        of_many(many(&args[0])?.common(&many(&args[1])?))
    }),
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] =
    &[table(1293, "unnest", &[ANYMULTIRANGE], &[("unnest", ANYRANGE)], |_, args| {
        let Multirange { kind, spans } = match &args[0] {
            Value::Null => return Ok(Box::new(std::iter::empty())),
            multirange => many(multirange)?,
        };
        let row = move |span| Ok(vec![of_range(Range { kind, span: Some(span) })?]);
        Ok(Box::new(spans.into_iter().map(row)))
    })];

/// What makes ranges and multiranges of the types that SQL defines, by the type's oid. They stay as long as the process,
/// as what is known of the types does.
static CONSTRUCTORS: RwLock<Option<FxHashMap<u32, &'static [Function]>>> = RwLock::new(None);

/// The functions that make values of a range or multirange type of SQL's. They are called what the type is.
pub(crate) fn range_constructors(ty: u32) -> &'static [Function] {
    CONSTRUCTORS.read().as_ref().and_then(|all| all.get(&ty).copied()).unwrap_or_default()
}

/// Makes them, if the type is new or has another name. It is known by its oid already.
pub(crate) fn make_range_constructors(ty: u32, name: &str) {
    if range_constructors(ty).first().is_some_and(|known| known.name == name) {
        return;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let leaked = |args: &[u32]| -> &'static [u32] { Box::leak(args.to_vec().into_boxed_slice()) };
    let made: Vec<Function> = if let (Some(kind), Some(bounds)) = (RangeKind::of_range(ty), bounds_of_range(ty)) {
        let eval = maker(kind, false);
        vec![
            immutable(ty, name, leaked(&[bounds, bounds]), ty, eval).takes_nulls(),
            immutable(ty, name, leaked(&[bounds, bounds, TEXT]), ty, eval).takes_nulls(),
        ]
    } else if let (Some(kind), Some(range)) = (RangeKind::of_multirange(ty), range_of(ty)) {
        let (eval, range) = (maker(kind, true), leaked(&[range]));
        vec![
            immutable(ty, name, &[], ty, eval),
            immutable(ty, name, range, ty, eval),
            immutable(ty, name, range, ty, eval).variadic(),
        ]
    } else {
        return;
    };
    CONSTRUCTORS.write().get_or_insert_default().insert(ty, Box::leak(made.into_boxed_slice()));
}

/// What makes ranges of a kind, or multiranges.
fn maker(kind: RangeKind, multirange: bool) -> Eval {
    macro_rules! makers {
        ($($kind:ident)*) => {
            match (kind, multirange) {
                $(
                    (RangeKind::$kind, false) => |_, args| made(RangeKind::$kind, args),
                    (RangeKind::$kind, true) => |_, args| gathered(RangeKind::$kind, args),
                )*
            }
        };
    }
    makers!(Int4 Int8 Numeric Date Timestamp Timestamptz Float8 Text Time LooseInt4 LooseInt8 LooseDate Float4 Int2)
}

/// A range from its bounds and, perhaps, how they are meant: `[)` unless told.
fn made(kind: RangeKind, args: &[Value]) -> Result<Value> {
    let flags = match args.get(2) {
        None => "[)",
        Some(Value::Text(flags)) => flags,
        Some(_) => {
            let message = "range constructor flags argument must not be null";
            return Err(Error::new(SqlState::DATA_EXCEPTION, message));
        }
    };
    let (from, to) = match flags {
        "[)" => (true, false),
        "[]" => (true, true),
        "(]" => (false, true),
        "()" => (false, false),
        _ => {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "invalid range bound flags")
                .with_hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
        }
    };
    let bound = |value: &Value, inclusive| Bound { value: (!value.is_null()).then(|| value.clone()), inclusive };
    of_range(Range::new(kind, bound(&args[0], from), bound(&args[1], to))?)
}

/// A multirange of ranges in whatever order.
fn gathered(kind: RangeKind, args: &[Value]) -> Result<Value> {
    let mut spans = Vec::with_capacity(args.len());
    for range in args {
        spans.extend(many(range)?.spans);
    }
    of_many(Multirange::of(kind, spans))
}

/// A range or a multirange as the latter.
fn many(value: &Value) -> Result<Multirange> {
    match value {
        Value::Bytea(bytes) => decoded(bytes),
        _ => Err(Error::internal("a range that is none")),
    }
}

fn decoded(bytes: &[u8]) -> Result<Multirange> {
    match Range::decode(bytes) {
        Ok(range) => Ok(Multirange::of_range(range)),
        Err(_) => Multirange::decode(bytes),
    }
}

fn of_range(range: Range) -> Result<Value> {
    Ok(Value::Bytea(range.encode().into()))
}

fn of_many(multirange: Multirange) -> Result<Value> {
    Ok(Value::Bytea(multirange.encode().into()))
}

/// What is left as a range; 22000 if it has gaps.
fn one(multirange: Multirange, message: &'static str) -> Result<Value> {
    match multirange.spans.len() {
        0 | 1 => of_range(multirange.hull()),
        _ => Err(Error::new(SqlState::DATA_EXCEPTION, message)),
    }
}

/// How it begins or ends; none if it is empty.
fn bound(value: &Value, is_lower: bool) -> Result<Option<Bound>> {
    let bounds = many(value)?.hull().bounds();
    Ok(bounds.map(|(lower, upper)| if is_lower { lower } else { upper }))
}

fn end(value: &Value, is_lower: bool) -> Result<Value> {
    Ok(bound(value, is_lower)?.and_then(|bound| bound.value).unwrap_or(Value::Null))
}

fn is_inclusive(value: &Value, is_lower: bool) -> Result<Value> {
    Ok(Value::Bool(bound(value, is_lower)?.is_some_and(|bound| bound.inclusive)))
}

fn is_infinite(value: &Value, is_lower: bool) -> Result<Value> {
    Ok(Value::Bool(bound(value, is_lower)?.is_some_and(|bound| bound.value.is_none())))
}

fn order(args: &[Value]) -> Result<Value> {
    Ok(Value::Int4(many(&args[0])?.spans.cmp(&many(&args[1])?.spans) as i32))
}

fn has(multirange: &Value, element: &Value) -> Result<Value> {
    let multirange = many(multirange)?;
    let point = point_of(multirange.kind, element)?;
    Ok(Value::Bool(multirange.contains(&point)))
}

fn contains(outer: &Value, inner: &Value) -> Result<Value> {
    Ok(Value::Bool(many(outer)?.contains_all(&many(inner)?)))
}

/// The functions that ask something of two ranges or multiranges.
macro_rules! relations {
    ($($name:ident $holds:expr;)*) => {$(
        fn $name(_: &super::EvalContext, args: &[Value]) -> Result<Value> {
            let holds: fn(&Multirange, &Multirange) -> bool = $holds;
            Ok(Value::Bool(holds(&many(&args[0])?, &many(&args[1])?)))
        }
    )*};
}

relations! {
    overlaps Multirange::overlaps;
    adjacent |left, right| {
        left.last_cut().zip(right.first_cut()).is_some_and(|(end, begin)| end == begin)
            || right.last_cut().zip(left.first_cut()).is_some_and(|(end, begin)| end == begin)
    };
    before |left, right| left.last_cut().zip(right.first_cut()).is_some_and(|(end, begin)| end <= begin);
    after |left, right| right.last_cut().zip(left.first_cut()).is_some_and(|(end, begin)| end <= begin);
    ends_within |left, right| left.last_cut().zip(right.last_cut()).is_some_and(|(left, right)| left <= right);
    begins_within |left, right| left.first_cut().zip(right.first_cut()).is_some_and(|(left, right)| left >= right);
}

/// How an aggregate puts ranges or multiranges together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeJoin {
    /// What lies in any of them, as a multirange.
    Union,
    /// What lies in all of the multiranges.
    Common,
    /// What lies in all of the ranges, as a range.
    CommonRange,
}

impl RangeJoin {
    /// The result over stored values; None without any.
    pub(crate) fn of<'a>(self, values: impl Iterator<Item = &'a [u8]>) -> Result<Option<Vec<u8>>> {
        let multiranges = values.map(decoded);
        if self == RangeJoin::Union {
            let (mut kind, mut spans) = (None, Vec::new());
            for multirange in multiranges {
                let multirange = multirange?;
                kind = Some(multirange.kind);
                spans.extend(multirange.spans);
            }
            return Ok(kind.map(|kind| Multirange::of(kind, spans).encode()));
        }
        let mut common: Option<Multirange> = None;
        for multirange in multiranges {
            let multirange = multirange?;
            common = Some(match common {
                None => multirange,
                Some(common) => common.common(&multirange),
            });
        }
        Ok(common.map(|common| match self {
            RangeJoin::CommonRange => common.hull().encode(),
            _ => common.encode(),
        }))
    }
}
