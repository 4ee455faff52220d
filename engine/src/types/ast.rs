//! Type names in SQL text: PostgreSQL's spellings, as the parser hands them over.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, GeometricTypeKind, IntervalFields, ObjectName,
    ObjectNamePart, TimezoneInfo,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Location;

use super::bits::LENGTH_MAX as BITS_MAX;
use super::modifier::{HEADER, INTERVAL_FIELDS, LENGTH_MAX, interval_modifier};
use super::{Type, builtin, oid};
use crate::catalog::Catalog;
use crate::error::{Error, Result, SqlState};

/// The type that a name in SQL means, with its modifier: 42704 if there is none of that name.
/// An unqualified name means the first type of that name in the search path.
pub fn from_ast(ty: &DataType, catalog: &Catalog, search_path: &[String]) -> Result<Type> {
    let found = resolve(ty, &|schema, name| catalog.find_type(schema, name, search_path));
    match (found, schema_of(ty)) {
        (Err(_), Some(schema)) if catalog.schema_named(&schema).is_none() => {
            Err(Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist")))
        }
        (found, _) => found,
    }
}

/// Where a type that has a name of its own is named.
pub(crate) fn start(ty: &DataType) -> Option<Location> {
    match ty {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => start(element),
        DataType::Custom(name, _) => name.0.first().and_then(ObjectNamePart::as_ident).map(|name| name.span.start),
        _ => None,
    }
}

/// The schema that a type's name says.
fn schema_of(ty: &DataType) -> Option<String> {
    match ty {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => schema_of(element),
        DataType::Custom(name, _) => match name.0.as_slice() {
            [.., ObjectNamePart::Identifier(schema), _] => Some(crate::plan::bind::fold(schema)),
            _ => None,
        },
        _ => None,
    }
}

/// The same for a type that must be built in.
pub(crate) fn built_in(ty: &DataType) -> Result<Type> {
    resolve(ty, &|_, _| None)
}

/// How a type that SQL defined is found: by schema, if one is said, and name.
type Find<'a> = &'a dyn Fn(Option<&str>, &str) -> Option<u32>;

/// The type whose name a text is: `'int4'::regtype`.
pub(crate) fn named(text: &str, catalog: &Catalog, search_path: &[String]) -> Option<Type> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).ok()?;
    let ty = parser.parse_data_type().ok()?;
    from_ast(&ty, catalog, search_path).ok()
}

fn resolve(ty: &DataType, find: Find<'_>) -> Result<Type> {
    let plain = |oid: u32| Ok(Type::new(oid));
    match ty {
        DataType::Bool | DataType::Boolean => plain(oid::BOOL),
        DataType::SmallInt(None) | DataType::Int2(None) => plain(oid::INT2),
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => plain(oid::INT4),
        DataType::BigInt(None) | DataType::Int8(None) => plain(oid::INT8),
        DataType::Real | DataType::Float4 => plain(oid::FLOAT4),
        DataType::Float8 | DataType::DoublePrecision => plain(oid::FLOAT8),
        DataType::Float(info) => float(info),
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info),
        DataType::Text => plain(oid::TEXT),
        DataType::Varchar(length) | DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
            match length {
                None => plain(oid::VARCHAR),
                Some(length) => text(oid::VARCHAR, "varchar", length),
            }
        }
        DataType::Char(None) | DataType::Character(None) => Ok(Type::with_modifier(oid::BPCHAR, HEADER + 1)),
        DataType::Char(Some(length)) | DataType::Character(Some(length)) => text(oid::BPCHAR, "char", length),
        DataType::Bytea => plain(oid::BYTEA),
        DataType::Uuid => plain(oid::UUID),
        DataType::JSON => plain(oid::JSON),
        DataType::JSONB => plain(oid::JSONB),
        DataType::Regclass => plain(oid::REGCLASS),
        DataType::Date => plain(oid::DATE),
        DataType::Time(digits, zone) => Ok(timed(if zoned(zone) { oid::TIMETZ } else { oid::TIME }, *digits)),
        DataType::Timestamp(digits, zone) => {
            Ok(timed(if zoned(zone) { oid::TIMESTAMPTZ } else { oid::TIMESTAMP }, *digits))
        }
        DataType::Interval { fields, precision } => {
            let digits = precision.map(|digits| digits.min(6) as i32);
            let modifier = interval_modifier(fields.as_ref().map(interval_fields), digits);
            Ok(Type::with_modifier(oid::INTERVAL, modifier))
        }
        DataType::Bit(length) => Ok(Type::with_modifier(oid::BIT, bit_length("bit", length.unwrap_or(1))?)),
        DataType::BitVarying(None) | DataType::VarBit(None) => plain(oid::VARBIT),
        DataType::BitVarying(Some(length)) | DataType::VarBit(Some(length)) => {
            Ok(Type::with_modifier(oid::VARBIT, bit_length("varbit", *length)?))
        }
        DataType::GeometricType(kind) => plain(match kind {
            GeometricTypeKind::Point => oid::POINT,
            GeometricTypeKind::Line => oid::LINE,
            GeometricTypeKind::LineSegment => oid::LSEG,
            GeometricTypeKind::GeometricBox => oid::BOX,
            GeometricTypeKind::GeometricPath => oid::PATH,
            GeometricTypeKind::Polygon => oid::POLYGON,
            GeometricTypeKind::Circle => oid::CIRCLE,
        }),
        DataType::TsVector => plain(oid::TSVECTOR),
        DataType::TsQuery => plain(oid::TSQUERY),
        DataType::Trigger => plain(oid::TRIGGER),
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element)) => {
            let element = resolve(element, find)?;
            // int[][] is the same type as int[].
            if builtin::info(element.oid).is_some_and(builtin::TypeInfo::is_array) {
                return Ok(element);
            }
            let array = builtin::array_of(element.oid).ok_or_else(|| {
                Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("could not find array type for data type {}", super::display(Type::new(element.oid))),
                )
            })?;
            Ok(Type::with_modifier(array, element.modifier))
        }
        DataType::Custom(name, modifiers) => custom(name, modifiers, find),
        other => Err(undefined(&other.to_string().to_lowercase())),
    }
}

fn undefined(name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist"))
}

fn zoned(zone: &TimezoneInfo) -> bool {
    matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz)
}

/// PostgreSQL warns of more than six digits and takes six.
fn timed(oid: u32, digits: Option<u64>) -> Type {
    Type::with_modifier(oid, digits.map_or(-1, |digits| digits.min(6) as i32))
}

fn bit_length(name: &str, length: u64) -> Result<i32> {
    let invalid = |words: String| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
    match i32::try_from(length) {
        Ok(0) => invalid(format!("length for type {name} must be at least 1")),
        Ok(length @ 1..=BITS_MAX) => Ok(length),
        _ => invalid(format!("length for type {name} cannot exceed {BITS_MAX}")),
    }
}

fn text(oid: u32, name: &str, length: &CharacterLength) -> Result<Type> {
    let CharacterLength::IntegerLength { length, .. } = length else {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \"max\""));
    };
    text_length(oid, name, *length)
}

fn text_length(oid: u32, name: &str, length: u64) -> Result<Type> {
    let invalid = |words: String| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
    match i32::try_from(length) {
        Ok(0) => invalid(format!("length for type {name} must be at least 1")),
        Ok(length @ 1..=LENGTH_MAX) => Ok(Type::with_modifier(oid, HEADER + length)),
        _ => invalid(format!("length for type {name} cannot exceed {LENGTH_MAX}")),
    }
}

fn float(info: &ExactNumberInfo) -> Result<Type> {
    let invalid = |words: &'static str| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
    match info {
        ExactNumberInfo::None => Ok(Type::new(oid::FLOAT8)),
        ExactNumberInfo::Precision(0) => invalid("precision for type float must be at least 1 bit"),
        ExactNumberInfo::Precision(1..=24) => Ok(Type::new(oid::FLOAT4)),
        ExactNumberInfo::Precision(25..=53) => Ok(Type::new(oid::FLOAT8)),
        _ => invalid("precision for type float must be less than 54 bits"),
    }
}

fn numeric(info: &ExactNumberInfo) -> Result<Type> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(Type::new(oid::NUMERIC)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    numeric_of(precision, scale)
}

fn numeric_of(precision: u64, scale: i64) -> Result<Type> {
    let invalid = |words: String| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
    if !(1..=1000).contains(&precision) {
        return invalid(format!("NUMERIC precision {precision} must be between 1 and 1000"));
    }
    if !(-1000..=1000).contains(&scale) {
        return invalid(format!("NUMERIC scale {scale} must be between -1000 and 1000"));
    }
    let modifier = ((precision as i32) << 16 | (scale as i32 & 0x7ff)) + HEADER;
    Ok(Type::with_modifier(oid::NUMERIC, modifier))
}

fn interval_fields(fields: &IntervalFields) -> i32 {
    let words = fields.to_string().to_lowercase();
    INTERVAL_FIELDS.iter().find(|(_, name)| *name == words).map_or(0x7fff, |(mask, _)| *mask)
}

/// A name that the parser has no word for: `oid`, `pg_catalog.int4`, `"char"`, …
fn custom(name: &ObjectName, modifiers: &[String], find: Find<'_>) -> Result<Type> {
    let mut parts = Vec::with_capacity(2);
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(ident) if ident.quote_style.is_some() => parts.push(ident.value.clone()),
            ObjectNamePart::Identifier(ident) => parts.push(ident.value.to_lowercase()),
            ObjectNamePart::Function(_) => return Err(undefined(&name.to_string())),
        }
    }
    let (schema, type_name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] | [_, schema, name] => (Some(schema.as_str()), name),
        _ => return Err(undefined(&parts.join("."))),
    };
    let in_system = schema.is_none_or(|schema| schema == "pg_catalog");
    let built_in = if in_system { builtin::by_name(type_name) } else { None };
    let defined = || find(schema, type_name).and_then(builtin::info);
    let info = built_in.or_else(defined).ok_or_else(|| undefined(&parts.join(".")))?;
    if modifiers.is_empty() {
        return Ok(Type::new(info.oid));
    }
    let numbers = modifiers.iter().map(|modifier| modifier.trim().parse::<i64>()).collect::<Result<Vec<i64>, _>>();
    let numbers = numbers.map_err(|_| {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, "type modifiers must be simple constants or identifiers")
    })?;
    match (info.oid, numbers.as_slice()) {
        (oid::VARCHAR | oid::BPCHAR, [length]) => {
            let name = if info.oid == oid::VARCHAR { "varchar" } else { "char" };
            text_length(info.oid, name, u64::try_from(*length).unwrap_or(0))
        }
        (oid::BIT | oid::VARBIT, [length]) => {
            let length = u64::try_from(*length).unwrap_or(0);
            Ok(Type::with_modifier(info.oid, bit_length(info.name, length)?))
        }
        (oid::NUMERIC, [precision]) => numeric_of(u64::try_from(*precision).unwrap_or(0), 0),
        (oid::NUMERIC, [precision, scale]) => numeric_of(u64::try_from(*precision).unwrap_or(0), *scale),
        (oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ, [digits]) => {
            Ok(timed(info.oid, Some(u64::try_from(*digits).unwrap_or(0))))
        }
        (oid::INTERVAL, [digits]) => {
            let digits = digits.clamp(&0, &6);
            Ok(Type::with_modifier(oid::INTERVAL, interval_modifier(None, Some(*digits as i32))))
        }
        _ => {
            Err(Error::new(SqlState::SYNTAX_ERROR, format!("type modifier is not allowed for type \"{}\"", info.name)))
        }
    }
}
