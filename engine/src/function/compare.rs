//! Comparisons: one order for all values, and for each pair of comparable types its six functions and operators.
//!
//! The order is PostgreSQL's: NaN equals itself and is above every number, text sorts by its bytes (collation C).

use std::cmp::Ordering;

use storage::{Array, Record, Value};

use super::argument::text;
use super::define::immutable;
use super::{Batch, Comparison, Eval, EvalContext, Function, Volatility};
use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{
    self, DATE_INFINITY, DATE_NEGATIVE_INFINITY, DAY, TIMESTAMP_INFINITY, TIMESTAMP_NEGATIVE_INFINITY, TimeZone,
};
use crate::types::oid::*;
use crate::types::range::sort_key;
use crate::types::{Type, display};

/// How values of two types are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// As Arrow does.
    Plain,
    /// As Arrow orders their sort keys.
    Key,
    /// char(n): without trailing spaces.
    Padded,
    /// Dates and timestamps without a zone.
    Mixed,
    /// A timestamptz and something local.
    Zoned,
    /// Ranges, by what tells them from others.
    Range,
    /// Rows, whose fields may turn out to be of other types.
    Row,
}

/// The comparisons of two types, in the order =, <>, <, <=, >, >=.
pub(super) struct Family {
    left: u32,
    right: u32,
    how: How,
    /// The functions' names, parted by spaces.
    names: &'static str,
    functions: &'static [u32],
    operators: &'static [u32],
}

const fn family(
    left: u32,
    right: u32,
    how: How,
    names: &'static str,
    functions: &'static [u32],
    operators: &'static [u32],
) -> Family {
    Family { left, right, how, names, functions, operators }
}

const COMPARISONS: [(Comparison, &str); 6] = [
    (Comparison::Equal, "="),
    (Comparison::NotEqual, "<>"),
    (Comparison::Less, "<"),
    (Comparison::LessOrEqual, "<="),
    (Comparison::Greater, ">"),
    (Comparison::GreaterOrEqual, ">="),
];

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    family(BOOL, BOOL, How::Plain, "booleq boolne boollt boolle boolgt boolge", &[60, 84, 56, 1691, 57, 1692], &[91, 85, 58, 1694, 59, 1695]),
    family(CHAR, CHAR, How::Plain, "chareq charne charlt charle chargt charge", &[61, 70, 1246, 72, 73, 74], &[92, 630, 631, 632, 633, 634]),
    family(NAME, NAME, How::Plain, "nameeq namene namelt namele namegt namege", &[62, 659, 655, 656, 657, 658], &[93, 643, 660, 661, 662, 663]),
    family(NAME, TEXT, How::Plain, "nameeqtext namenetext namelttext nameletext namegttext namegetext", &[240, 245, 241, 242, 244, 243], &[254, 259, 255, 256, 258, 257]),
    family(INT2, INT2, How::Plain, "int2eq int2ne int2lt int2le int2gt int2ge", &[63, 145, 64, 148, 146, 151], &[94, 519, 95, 522, 520, 524]),
    family(INT2, INT4, How::Plain, "int24eq int24ne int24lt int24le int24gt int24ge", &[158, 164, 160, 166, 162, 168], &[532, 538, 534, 540, 536, 542]),
    family(INT2, INT8, How::Plain, "int28eq int28ne int28lt int28le int28gt int28ge", &[1850, 1851, 1852, 1854, 1853, 1855], &[1862, 1863, 1864, 1866, 1865, 1867]),
    family(INT4, INT2, How::Plain, "int42eq int42ne int42lt int42le int42gt int42ge", &[159, 165, 161, 167, 163, 169], &[533, 539, 535, 541, 537, 543]),
    family(INT4, INT4, How::Plain, "int4eq int4ne int4lt int4le int4gt int4ge", &[65, 144, 66, 149, 147, 150], &[96, 518, 97, 523, 521, 525]),
    family(INT4, INT8, How::Plain, "int48eq int48ne int48lt int48le int48gt int48ge", &[852, 853, 854, 856, 855, 857], &[15, 36, 37, 80, 76, 82]),
    family(INT8, INT2, How::Plain, "int82eq int82ne int82lt int82le int82gt int82ge", &[1856, 1857, 1858, 1860, 1859, 1861], &[1868, 1869, 1870, 1872, 1871, 1873]),
    family(INT8, INT4, How::Plain, "int84eq int84ne int84lt int84le int84gt int84ge", &[474, 475, 476, 478, 477, 479], &[416, 417, 418, 420, 419, 430]),
    family(INT8, INT8, How::Plain, "int8eq int8ne int8lt int8le int8gt int8ge", &[467, 468, 469, 471, 470, 472], &[410, 411, 412, 414, 413, 415]),
    family(OID, OID, How::Plain, "oideq oidne oidlt oidle oidgt oidge", &[184, 185, 716, 717, 1638, 1639], &[607, 608, 609, 611, 610, 612]),
    family(XID, INT4, How::Plain, "xideqint4 xidneqint4", &[1319, 3309], &[353, 3316]),
    family(XID, XID, How::Plain, "xideq xidneq", &[68, 3308], &[352, 3315]),
    family(FLOAT4, FLOAT4, How::Key, "float4eq float4ne float4lt float4le float4gt float4ge", &[287, 288, 289, 290, 291, 292], &[620, 621, 622, 624, 623, 625]),
    family(FLOAT4, FLOAT8, How::Key, "float48eq float48ne float48lt float48le float48gt float48ge", &[299, 300, 301, 302, 303, 304], &[1120, 1121, 1122, 1124, 1123, 1125]),
    family(FLOAT8, FLOAT4, How::Key, "float84eq float84ne float84lt float84le float84gt float84ge", &[305, 306, 307, 308, 309, 310], &[1130, 1131, 1132, 1134, 1133, 1135]),
    family(FLOAT8, FLOAT8, How::Key, "float8eq float8ne float8lt float8le float8gt float8ge", &[293, 294, 295, 296, 297, 298], &[670, 671, 672, 673, 674, 675]),
    family(NUMERIC, NUMERIC, How::Key, "numeric_eq numeric_ne numeric_lt numeric_le numeric_gt numeric_ge", &[1718, 1719, 1722, 1723, 1720, 1721], &[1752, 1753, 1754, 1755, 1756, 1757]),
    family(TEXT, NAME, How::Plain, "texteqname textnename textltname textlename textgtname textgename", &[247, 252, 248, 249, 251, 250], &[260, 265, 261, 262, 264, 263]),
    family(TEXT, TEXT, How::Plain, "texteq textne text_lt text_le text_gt text_ge", &[67, 157, 740, 741, 742, 743], &[98, 531, 664, 665, 666, 667]),
    family(BPCHAR, BPCHAR, How::Padded, "bpchareq bpcharne bpcharlt bpcharle bpchargt bpcharge", &[1048, 1053, 1049, 1050, 1051, 1052], &[1054, 1057, 1058, 1059, 1060, 1061]),
    family(BYTEA, BYTEA, How::Plain, "byteaeq byteane bytealt byteale byteagt byteage", &[1948, 1953, 1949, 1950, 1951, 1952], &[1955, 1956, 1957, 1958, 1959, 1960]),
    family(DATE, DATE, How::Plain, "date_eq date_ne date_lt date_le date_gt date_ge", &[1086, 1091, 1087, 1088, 1089, 1090], &[1093, 1094, 1095, 1096, 1097, 1098]),
    family(DATE, TIMESTAMP, How::Mixed, "date_eq_timestamp date_ne_timestamp date_lt_timestamp date_le_timestamp date_gt_timestamp date_ge_timestamp", &[2340, 2343, 2338, 2339, 2341, 2342], &[2347, 2350, 2345, 2346, 2349, 2348]),
    family(DATE, TIMESTAMPTZ, How::Zoned, "date_eq_timestamptz date_ne_timestamptz date_lt_timestamptz date_le_timestamptz date_gt_timestamptz date_ge_timestamptz", &[2353, 2356, 2351, 2352, 2354, 2355], &[2360, 2363, 2358, 2359, 2362, 2361]),
    family(TIME, TIME, How::Plain, "time_eq time_ne time_lt time_le time_gt time_ge", &[1145, 1106, 1102, 1103, 1104, 1105], &[1108, 1109, 1110, 1111, 1112, 1113]),
    family(TIMETZ, TIMETZ, How::Plain, "timetz_eq timetz_ne timetz_lt timetz_le timetz_gt timetz_ge", &[1352, 1353, 1354, 1355, 1357, 1356], &[1550, 1551, 1552, 1553, 1554, 1555]),
    family(TIMESTAMP, DATE, How::Mixed, "timestamp_eq_date timestamp_ne_date timestamp_lt_date timestamp_le_date timestamp_gt_date timestamp_ge_date", &[2366, 2369, 2364, 2365, 2367, 2368], &[2373, 2376, 2371, 2372, 2375, 2374]),
    family(TIMESTAMP, TIMESTAMP, How::Plain, "timestamp_eq timestamp_ne timestamp_lt timestamp_le timestamp_gt timestamp_ge", &[2052, 2053, 2054, 2055, 2057, 2056], &[2060, 2061, 2062, 2063, 2064, 2065]),
    family(TIMESTAMP, TIMESTAMPTZ, How::Zoned, "timestamp_eq_timestamptz timestamp_ne_timestamptz timestamp_lt_timestamptz timestamp_le_timestamptz timestamp_gt_timestamptz timestamp_ge_timestamptz", &[2522, 2525, 2520, 2521, 2523, 2524], &[2536, 2539, 2534, 2535, 2538, 2537]),
    family(TIMESTAMPTZ, DATE, How::Zoned, "timestamptz_eq_date timestamptz_ne_date timestamptz_lt_date timestamptz_le_date timestamptz_gt_date timestamptz_ge_date", &[2379, 2382, 2377, 2378, 2380, 2381], &[2386, 2389, 2384, 2385, 2388, 2387]),
    family(TIMESTAMPTZ, TIMESTAMP, How::Zoned, "timestamptz_eq_timestamp timestamptz_ne_timestamp timestamptz_lt_timestamp timestamptz_le_timestamp timestamptz_gt_timestamp timestamptz_ge_timestamp", &[2529, 2532, 2527, 2528, 2530, 2531], &[2542, 2545, 2540, 2541, 2544, 2543]),
    family(TIMESTAMPTZ, TIMESTAMPTZ, How::Plain, "timestamptz_eq timestamptz_ne timestamptz_lt timestamptz_le timestamptz_gt timestamptz_ge", &[1152, 1153, 1154, 1155, 1157, 1156], &[1320, 1321, 1322, 1323, 1324, 1325]),
    family(INTERVAL, INTERVAL, How::Key, "interval_eq interval_ne interval_lt interval_le interval_gt interval_ge", &[1162, 1163, 1164, 1165, 1167, 1166], &[1330, 1331, 1332, 1333, 1334, 1335]),
    family(UUID, UUID, How::Plain, "uuid_eq uuid_ne uuid_lt uuid_le uuid_gt uuid_ge", &[2956, 2959, 2954, 2955, 2958, 2957], &[2972, 2973, 2974, 2976, 2975, 2977]),
    family(MACADDR, MACADDR, How::Plain, "macaddr_eq macaddr_ne macaddr_lt macaddr_le macaddr_gt macaddr_ge", &[830, 835, 831, 832, 833, 834], &[1220, 1221, 1222, 1223, 1224, 1225]),
    family(MACADDR8, MACADDR8, How::Plain, "macaddr8_eq macaddr8_ne macaddr8_lt macaddr8_le macaddr8_gt macaddr8_ge", &[4113, 4118, 4114, 4115, 4116, 4117], &[3362, 3363, 3364, 3365, 3366, 3367]),
    family(MONEY, MONEY, How::Plain, "cash_eq cash_ne cash_lt cash_le cash_gt cash_ge", &[888, 889, 890, 891, 892, 893], &[900, 901, 902, 904, 903, 905]),
    family(TSVECTOR, TSVECTOR, How::Plain, "tsvector_eq tsvector_ne tsvector_lt tsvector_le tsvector_gt tsvector_ge", &[3618, 3619, 3616, 3617, 3621, 3620], &[3629, 3630, 3627, 3628, 3632, 3631]),
    family(TSQUERY, TSQUERY, How::Plain, "tsquery_eq tsquery_ne tsquery_lt tsquery_le tsquery_gt tsquery_ge", &[3664, 3665, 3662, 3663, 3667, 3666], &[3676, 3677, 3674, 3675, 3679, 3678]),
    family(BIT, BIT, How::Plain, "biteq bitne bitlt bitle bitgt bitge", &[1581, 1582, 1595, 1594, 1593, 1592], &[1784, 1785, 1786, 1788, 1787, 1789]),
    family(VARBIT, VARBIT, How::Plain, "varbiteq varbitne varbitlt varbitle varbitgt varbitge", &[1666, 1667, 1671, 1670, 1669, 1668], &[1804, 1805, 1806, 1808, 1807, 1809]),
    family(PG_LSN, PG_LSN, How::Plain, "pg_lsn_eq pg_lsn_ne pg_lsn_lt pg_lsn_le pg_lsn_gt pg_lsn_ge", &[3233, 3236, 3231, 3232, 3235, 3234], &[3222, 3223, 3224, 3226, 3225, 3227]),
    family(XID8, XID8, How::Plain, "xid8eq xid8ne xid8lt xid8le xid8gt xid8ge", &[5084, 5085, 5034, 5036, 5035, 5037], &[5068, 5072, 5073, 5075, 5074, 5076]),
    family(INET, INET, How::Plain, "network_eq network_ne network_lt network_le network_gt network_ge", &[920, 925, 921, 922, 923, 924], &[1201, 1202, 1203, 1204, 1205, 1206]),
    family(JSONB, JSONB, How::Key, "jsonb_eq jsonb_ne jsonb_lt jsonb_le jsonb_gt jsonb_ge", &[4043, 4038, 4039, 4041, 4040, 4042], &[3240, 3241, 3242, 3244, 3243, 3245]),
    family(OIDVECTOR, OIDVECTOR, How::Key, "oidvectoreq oidvectorne oidvectorlt oidvectorle oidvectorgt oidvectorge", &[679, 619, 677, 678, 681, 680], &[649, 644, 645, 647, 646, 648]),
    family(ANYENUM, ANYENUM, How::Plain, "enum_eq enum_ne enum_lt enum_le enum_gt enum_ge", &[3508, 3509, 3510, 3512, 3511, 3513], &[3516, 3517, 3518, 3520, 3519, 3521]),
    family(ANYRANGE, ANYRANGE, How::Range, "range_eq range_ne range_lt range_le range_gt range_ge", &[3855, 3856, 3871, 3872, 3874, 3873], &[3882, 3883, 3884, 3885, 3887, 3886]),
    family(ANYMULTIRANGE, ANYMULTIRANGE, How::Range, "multirange_eq multirange_ne multirange_lt multirange_le multirange_gt multirange_ge", &[4244, 4245, 4274, 4275, 4277, 4276], &[2860, 2861, 2862, 2863, 2865, 2864]),
    family(RECORD, RECORD, How::Row, "record_eq record_ne record_lt record_le record_gt record_ge", &[2981, 2982, 2983, 2985, 2984, 2986], &[2988, 2989, 2990, 2992, 2991, 2993]),
    family(ANYARRAY, ANYARRAY, How::Key, "array_eq array_ne array_lt array_le array_gt array_ge", &[744, 390, 391, 393, 392, 396], &[1070, 1071, 1072, 1074, 1073, 1075]),];

/// The functions of all families.
pub(super) fn functions() -> impl Iterator<Item = Function> {
    FAMILIES.iter().flat_map(|family| {
        let rows = COMPARISONS.iter().zip(family.names.split(' ')).zip(family.functions);
        rows.map(|(((comparison, _), name), oid)| family.function(*oid, name, *comparison))
    })
}

/// Oid, name, operand types and function oid of all families' operators.
pub(super) fn operators() -> impl Iterator<Item = (u32, &'static str, Option<u32>, u32, u32)> {
    FAMILIES.iter().flat_map(|family| {
        let rows = COMPARISONS.iter().zip(family.operators).zip(family.functions);
        rows.map(|(((_, name), oid), function)| (*oid, *name, Some(family.left), family.right, *function))
    })
}

impl Family {
    fn function(&self, oid: u32, name: &'static str, comparison: Comparison) -> Function {
        // A slice that lives as long as the program, made once a type pair.
        let args: &'static [u32] = Box::leak(Box::new([self.left, self.right]));
        let eval = match self.how {
            How::Plain | How::Key | How::Mixed | How::Row => plain(comparison),
            How::Padded => padded(comparison),
            How::Range => ranges(comparison),
            How::Zoned => zoned(comparison),
        };
        let mut function = immutable(oid, name, args, BOOL, eval);
        function.batch = match self.how {
            How::Plain => Some(Batch::Compare(comparison)),
            How::Key | How::Padded | How::Range => Some(Batch::CompareKey(comparison)),
            How::Mixed | How::Zoned | How::Row => None,
        };
        if self.how == How::Zoned {
            function.volatility = Volatility::Stable;
        }
        function
    }
}

/// The six functions that ask `order` for the order of their two arguments.
macro_rules! by_order {
    ($order:ident, $comparison:expr) => {
        match $comparison {
            Comparison::Equal => |context, args| Ok(Value::Bool($order(context, args)? == Ordering::Equal)),
            Comparison::NotEqual => |context, args| Ok(Value::Bool($order(context, args)? != Ordering::Equal)),
            Comparison::Less => |context, args| Ok(Value::Bool($order(context, args)? == Ordering::Less)),
            Comparison::LessOrEqual => |context, args| Ok(Value::Bool($order(context, args)? != Ordering::Greater)),
            Comparison::Greater => |context, args| Ok(Value::Bool($order(context, args)? == Ordering::Greater)),
            Comparison::GreaterOrEqual => |context, args| Ok(Value::Bool($order(context, args)? != Ordering::Less)),
        }
    };
}

fn plain(comparison: Comparison) -> Eval {
    fn order(_: &EvalContext, args: &[Value]) -> Result<Ordering> {
        compare(&args[0], &args[1])
    }
    by_order!(order, comparison)
}

fn padded(comparison: Comparison) -> Eval {
    fn order(_: &EvalContext, args: &[Value]) -> Result<Ordering> {
        Ok(text(&args[0])?.trim_end_matches(' ').cmp(text(&args[1])?.trim_end_matches(' ')))
    }
    by_order!(order, comparison)
}

fn ranges(comparison: Comparison) -> Eval {
    fn order(_: &EvalContext, args: &[Value]) -> Result<Ordering> {
        match (&args[0], &args[1]) {
            (Value::Bytea(left), Value::Bytea(right)) => Ok(sort_key(left).cmp(sort_key(right))),
            _ => Err(Error::internal("a range that is none")),
        }
    }
    by_order!(order, comparison)
}

fn zoned(comparison: Comparison) -> Eval {
    fn order(context: &EvalContext, args: &[Value]) -> Result<Ordering> {
        let zone = &context.session.format.time_zone;
        Ok(moment(&args[0], zone)?.cmp(&moment(&args[1], zone)?))
    }
    by_order!(order, comparison)
}

/// Microseconds since 1970 UTC of a date or timestamp, in a range wider than timestamps have.
fn moment(value: &Value, zone: &TimeZone) -> Result<i128> {
    match value {
        Value::Timestamptz(moment) => Ok(i128::from(*moment)),
        other => {
            let local = local(other).ok_or_else(|| Error::internal("a date or timestamp was to be compared"))?;
            match i64::try_from(local) {
                Ok(local) if datetime::is_timestamp(local) => {
                    Ok(i128::from(local) - i128::from(zone.offset_of_local(local)) * i128::from(datetime::SECOND))
                }
                _ => Ok(local),
            }
        }
    }
}

/// Microseconds of a date or timestamp without a zone.
fn local(value: &Value) -> Option<i128> {
    match value {
        Value::Date(DATE_INFINITY) => Some(i128::from(TIMESTAMP_INFINITY)),
        Value::Date(DATE_NEGATIVE_INFINITY) => Some(i128::from(TIMESTAMP_NEGATIVE_INFINITY)),
        Value::Date(days) => Some(i128::from(*days) * i128::from(DAY)),
        Value::Timestamp(time) => Some(i128::from(*time)),
        _ => None,
    }
}

/// NaN is equal to itself and above all; -0 is 0.
pub(crate) fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The order of two values of comparable types, neither of them NULL.
pub(crate) fn compare(a: &Value, b: &Value) -> Result<Ordering> {
    Ok(match (a, b) {
        (Value::Int4(a), Value::Int4(b)) => a.cmp(b),
        (Value::Int8(a), Value::Int8(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Int2(a), Value::Int2(b)) => a.cmp(b),
        (Value::Int2(a), Value::Int4(b)) => i32::from(*a).cmp(b),
        (Value::Int4(a), Value::Int2(b)) => a.cmp(&i32::from(*b)),
        (Value::Int2(a), Value::Int8(b)) => i64::from(*a).cmp(b),
        (Value::Int8(a), Value::Int2(b)) => a.cmp(&i64::from(*b)),
        (Value::Int4(a), Value::Int8(b)) => i64::from(*a).cmp(b),
        (Value::Int8(a), Value::Int4(b)) => a.cmp(&i64::from(*b)),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Float8(a), Value::Float8(b)) => compare_floats(*a, *b),
        (Value::Float4(a), Value::Float4(b)) => compare_floats(f64::from(*a), f64::from(*b)),
        (Value::Float4(a), Value::Float8(b)) => compare_floats(f64::from(*a), *b),
        (Value::Float8(a), Value::Float4(b)) => compare_floats(*a, f64::from(*b)),
        (Value::Numeric(a), Value::Numeric(b)) => a.cmp(b),
        (Value::Bytea(a), Value::Bytea(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b))
        | (Value::Timestamp(a), Value::Timestamp(b))
        | (Value::Timestamptz(a), Value::Timestamptz(b)) => a.cmp(b),
        (Value::Date(_), Value::Timestamp(_)) | (Value::Timestamp(_), Value::Date(_)) => local(a).cmp(&local(b)),
        (Value::Interval(a), Value::Interval(b)) => {
            datetime::microseconds_of_interval(*a).cmp(&datetime::microseconds_of_interval(*b))
        }
        (Value::Uuid(a), Value::Uuid(b)) => a.cmp(b),
        (Value::Jsonb(a), Value::Jsonb(b)) => storage::value::jsonb::compare(a, b),
        (Value::Array(a), Value::Array(b)) => return compare_arrays(a, b),
        (Value::Record(a), Value::Record(b)) => return compare_records(a, b),
        (a, b) => return Err(Error::internal(format!("{a:?} and {b:?} cannot be compared"))),
    })
}

/// Element by element, then by how many there are, and then by how they are numbered.
fn compare_arrays(a: &Array, b: &Array) -> Result<Ordering> {
    let order = compare_each(a.values.iter().zip(&b.values))?.then(a.values.len().cmp(&b.values.len()));
    if order != Ordering::Equal || a.bounds().is_none() && b.bounds().is_none() {
        return Ok(order);
    }
    let (a, b) = (a.dimensions(), b.dimensions());
    let lengths = a.iter().map(|dimension| dimension.length).cmp(b.iter().map(|dimension| dimension.length));
    let lowers = a.iter().map(|dimension| dimension.lower).cmp(b.iter().map(|dimension| dimension.lower));
    Ok(a.len().cmp(&b.len()).then(lengths).then(lowers))
}

/// Pair by pair, NULL above all, until one differs.
fn compare_each<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Result<Ordering> {
    for (a, b) in pairs {
        let order = match (a.is_null(), b.is_null()) {
            (false, false) => compare(a, b)?,
            (a, b) => a.cmp(&b),
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

/// Field by field; the fields must be of the same types.
fn compare_records(a: &Record, b: &Record) -> Result<Ordering> {
    let mismatch = |message: String| Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    for (at, (a, b)) in a.fields.iter().zip(&b.fields).enumerate() {
        if a.ty != b.ty {
            return mismatch(format!(
                "cannot compare dissimilar column types {} and {} at record column {}",
                display(Type::new(a.ty)),
                display(Type::new(b.ty)),
                at + 1
            ));
        }
        let order = compare_each(std::iter::once((&a.value, &b.value)))?;
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    if a.fields.len() != b.fields.len() {
        return mismatch("cannot compare record types with different numbers of columns".to_owned());
    }
    Ok(Ordering::Equal)
}
