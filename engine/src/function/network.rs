//! Functions and operators of network and hardware addresses.

use storage::Value;

use super::Function;
use super::argument::{int4, int8, text_of};
use super::define::immutable;
use crate::error::{Error, Result, SqlState};
use crate::types::network::{Network, lengthened, shortened};
use crate::types::oid::*;

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(598, "abbrev", &[INET], TEXT, |_, args| text_of(network(&args[0])?.text(false))),
    immutable(599, "abbrev", &[CIDR], TEXT, |_, args| abbreviated(network(&args[0])?)),
    immutable(698, "broadcast", &[INET], INET, |_, args| {
        let network = network(&args[0])?;
        Ok(value(Network { address: network.address | network.host_bits(), ..network }))
    }),
    immutable(1715, "cidr", &[INET], CIDR, |_, args| Ok(value(network(&args[0])?.masked()))),
    immutable(711, "family", &[INET], INT4, |_, args| Ok(Value::Int4(if network(&args[0])?.v6 { 6 } else { 4 }))),
    immutable(699, "host", &[INET], TEXT, |_, args| text_of(network(&args[0])?.host())),
    immutable(1362, "hostmask", &[INET], INET, |_, args| {
        let network = network(&args[0])?;
        Ok(value(Network { address: network.host_bits(), bits: network.width(), ..network }))
    }),
    immutable(4063, "inet_merge", &[INET, INET], CIDR, |_, args| {
        let (left, right) = (network(&args[0])?, network(&args[1])?);
        check_families(left, right, "cannot merge addresses from different families")?;
        let most = left.bits.min(right.bits);
        let bits = (0..=most).rev().find(|bits| left.shares(right, *bits)).unwrap_or(0);
        Ok(value(left.with_bits(bits).masked()))
    }),
    immutable(4071, "inet_same_family", &[INET, INET], BOOL, |_, args| {
        Ok(Value::Bool(network(&args[0])?.v6 == network(&args[1])?.v6))
    }),
    immutable(2628, "inetand", &[INET, INET], INET, |_, args| {
        combined(args, "cannot AND inet values of different sizes", |left, right| left & right)
    }),
    immutable(2633, "inetmi", &[INET, INET], INT8, |_, args| {
        let (left, right) = (network(&args[0])?, network(&args[1])?);
        check_families(left, right, "cannot subtract inet values of different sizes")?;
        let distance = left.address.abs_diff(right.address);
        let distance = i128::try_from(distance).map(|distance| if left.address < right.address { -distance } else { distance });
        distance.ok().and_then(|distance| i64::try_from(distance).ok()).map(Value::Int8).ok_or_else(out_of_range)
    }),
    immutable(2632, "inetmi_int8", &[INET, INT8], INET, |_, args| moved(&args[0], -i128::from(int8(&args[1])?))),
    immutable(2627, "inetnot", &[INET], INET, |_, args| {
        let network = network(&args[0])?;
        Ok(value(Network { address: !network.address & network.all(), ..network }))
    }),
    immutable(2629, "inetor", &[INET, INET], INET, |_, args| {
        combined(args, "cannot OR inet values of different sizes", |left, right| left | right)
    }),
    immutable(2630, "inetpl", &[INET, INT8], INET, |_, args| moved(&args[0], i128::from(int8(&args[1])?))),
    immutable(2631, "int8pl_inet", &[INT8, INET], INET, |_, args| moved(&args[1], i128::from(int8(&args[0])?))),
    immutable(697, "masklen", &[INET], INT4, |_, args| Ok(Value::Int4(network(&args[0])?.bits as i32))),
    immutable(696, "netmask", &[INET], INET, |_, args| {
        let network = network(&args[0])?;
        Ok(value(Network { address: network.all() & !network.host_bits(), bits: network.width(), ..network }))
    }),
    immutable(683, "network", &[INET], CIDR, |_, args| Ok(value(network(&args[0])?.masked()))),
    immutable(3551, "network_overlap", &[INET, INET], BOOL, |_, args| {
        related(args, |left, right| left.shares(right, left.bits.min(right.bits)))
    }),
    immutable(927, "network_sub", &[INET, INET], BOOL, |_, args| {
        related(args, |left, right| left.bits > right.bits && left.shares(right, right.bits))
    }),
    immutable(928, "network_subeq", &[INET, INET], BOOL, |_, args| {
        related(args, |left, right| left.bits >= right.bits && left.shares(right, right.bits))
    }),
    immutable(929, "network_sup", &[INET, INET], BOOL, |_, args| {
        related(args, |left, right| left.bits < right.bits && left.shares(right, left.bits))
    }),
    immutable(930, "network_supeq", &[INET, INET], BOOL, |_, args| {
        related(args, |left, right| left.bits <= right.bits && left.shares(right, left.bits))
    }),
    immutable(605, "set_masklen", &[INET, INT4], INET, |_, args| with_mask(args).map(value)),
    immutable(635, "set_masklen", &[CIDR, INT4], CIDR, |_, args| with_mask(args).map(|network| value(network.masked()))),
    immutable(730, "text", &[INET], TEXT, |_, args| text_of(network(&args[0])?.text(true))),
    immutable(3144, "macaddr_not", &[MACADDR], MACADDR, |_, args| {
        Ok(Value::Bytea(hardware(&args[0])?.iter().map(|byte| !byte).collect::<Vec<u8>>().into()))
    }),
    immutable(3145, "macaddr_and", &[MACADDR, MACADDR], MACADDR, |_, args| bytewise(args, |left, right| left & right)),
    immutable(3146, "macaddr_or", &[MACADDR, MACADDR], MACADDR, |_, args| bytewise(args, |left, right| left | right)),
    immutable(4120, "macaddr8_not", &[MACADDR8], MACADDR8, |_, args| {
        Ok(Value::Bytea(hardware(&args[0])?.iter().map(|byte| !byte).collect::<Vec<u8>>().into()))
    }),
    immutable(4121, "macaddr8_and", &[MACADDR8, MACADDR8], MACADDR8, |_, args| bytewise(args, |left, right| left & right)),
    immutable(4122, "macaddr8_or", &[MACADDR8, MACADDR8], MACADDR8, |_, args| bytewise(args, |left, right| left | right)),
    immutable(4119, "macaddr8_cmp", &[MACADDR8, MACADDR8], INT4, |_, args| {
        Ok(Value::Int4(hardware(&args[0])?.cmp(hardware(&args[1])?) as i32))
    }),
    immutable(4123, "macaddr8", &[MACADDR], MACADDR8, |_, args| {
        let short = hardware(&args[0])?.try_into().map_err(|_| Error::internal("a macaddr that is none"))?;
        Ok(Value::Bytea(lengthened(short).to_vec().into()))
    }),
    immutable(4124, "macaddr", &[MACADDR8], MACADDR, |_, args| {
        let short = shortened(hardware(&args[0])?).ok_or_else(not_lengthened)?;
        Ok(Value::Bytea(short.to_vec().into()))
    }),
    immutable(4125, "macaddr8_set7bit", &[MACADDR8], MACADDR8, |_, args| {
        let mut address = hardware(&args[0])?.to_vec();
        if let Some(first) = address.first_mut() {
            *first |= 0x02;
        }
        Ok(Value::Bytea(address.into()))
    }),
    immutable(4112, "trunc", &[MACADDR8], MACADDR8, |_, args| {
        let maker = hardware(&args[0])?.iter().take(3).copied();
        Ok(Value::Bytea(maker.chain([0; 5]).collect::<Vec<u8>>().into()))
    }),
    immutable(753, "trunc", &[MACADDR], MACADDR, |_, args| {
        let maker = hardware(&args[0])?.iter().take(3).copied();
        Ok(Value::Bytea(maker.chain([0; 3]).collect::<Vec<u8>>().into()))
    }),
];

fn network(value: &Value) -> Result<Network> {
    match value {
        Value::Bytea(bytes) => Network::decode(bytes).ok_or_else(|| Error::internal("an inet that is none")),
        _ => Err(Error::internal("an inet that is none")),
    }
}

fn hardware(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Bytea(bytes) => Ok(bytes),
        _ => Err(Error::internal("a macaddr that is none")),
    }
}

fn not_lengthened() -> Error {
    let message = "macaddr8 data out of range to convert to macaddr";
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message).with_hint(
        "Only addresses that have FF and FE as values in the 4th and 5th bytes from the left, for example \
         xx:xx:xx:ff:fe:xx:xx:xx, are eligible to be converted from macaddr8 to macaddr.",
    )
}

fn value(network: Network) -> Value {
    Value::Bytea(network.encode().into())
}

fn out_of_range() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range")
}

fn check_families(left: Network, right: Network, message: &'static str) -> Result<()> {
    if left.v6 == right.v6 { Ok(()) } else { Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message)) }
}

fn related(args: &[Value], holds: fn(Network, Network) -> bool) -> Result<Value> {
    Ok(Value::Bool(holds(network(&args[0])?, network(&args[1])?)))
}

fn combined(args: &[Value], message: &'static str, of: fn(u128, u128) -> u128) -> Result<Value> {
    let (left, right) = (network(&args[0])?, network(&args[1])?);
    check_families(left, right, message)?;
    Ok(value(Network { address: of(left.address, right.address), bits: left.bits.max(right.bits), ..left }))
}

fn bytewise(args: &[Value], of: fn(u8, u8) -> u8) -> Result<Value> {
    let pairs = hardware(&args[0])?.iter().zip(hardware(&args[1])?);
    Ok(Value::Bytea(pairs.map(|(left, right)| of(*left, *right)).collect::<Vec<u8>>().into()))
}

/// The address that many further on.
fn moved(from: &Value, by: i128) -> Result<Value> {
    let network = network(from)?;
    let address = match by {
        0.. => network.address.checked_add(by.unsigned_abs()),
        _ => network.address.checked_sub(by.unsigned_abs()),
    };
    let address = address.filter(|address| *address <= network.all()).ok_or_else(out_of_range)?;
    Ok(value(Network { address, ..network }))
}

fn with_mask(args: &[Value]) -> Result<Network> {
    let (network, bits) = (network(&args[0])?, int4(&args[1])?);
    let bits = if bits == -1 { Some(network.width()) } else { u32::try_from(bits).ok() };
    let bits = bits.filter(|bits| *bits <= network.width());
    bits.map(|bits| network.with_bits(bits)).ok_or_else(|| {
        let message = format!("invalid mask length: {}", int4(&args[1]).unwrap_or_default());
        Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
    })
}

/// A network without the octets that its mask leaves out.
fn abbreviated(network: Network) -> Result<Value> {
    if network.v6 {
        return Err(Error::unsupported("abbrev of an IPv6 network"));
    }
    let octets = network.host();
    let count = usize::try_from(network.bits.div_ceil(8).max(1)).unwrap_or(4);
    let kept: Vec<&str> = octets.split('.').take(count).collect();
    text_of(format!("{}/{}", kept.join("."), network.bits))
}
