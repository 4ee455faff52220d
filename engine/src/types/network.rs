//! Network addresses: `inet`, `cidr`, `macaddr` and `macaddr8`.
//!
//! A network address is stored as bytes whose order is the type's: the family, the address up to its mask, the mask's
//! length, the whole address. A hardware address is its six or eight bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::text::invalid_input;
use crate::error::{Error, Result, SqlState};

/// The numbers of the two families in the binary form (PostgreSQL's `PGSQL_AF_INET` and `PGSQL_AF_INET6`).
const BINARY_FAMILIES: [u8; 2] = [2, 3];

/// A host's address with the length of its network's mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) v6: bool,
    /// An IPv4 address has 32 bits of it.
    pub(crate) address: u128,
    /// Bits of the mask.
    pub(crate) bits: u32,
}

impl Network {
    /// A host, with a mask of the whole address.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self { v6: false, address: u32::from(address).into(), bits: 32 },
            IpAddr::V6(address) => Self { v6: true, address: address.into(), bits: 128 },
        }
    }

    /// Bits of an address.
    pub(crate) fn width(self) -> u32 {
        if self.v6 { 128 } else { 32 }
    }

    /// All bits that an address may have.
    pub(crate) fn all(self) -> u128 {
        if self.v6 { u128::MAX } else { u128::from(u32::MAX) }
    }

    /// The bits of the host, behind the mask.
    pub(crate) fn host_bits(self) -> u128 {
        1u128.checked_shl(self.width() - self.bits).map_or(u128::MAX, |end| end - 1)
    }

    /// The address without the host's bits.
    pub(crate) fn masked(self) -> Self {
        Self { address: self.address & !self.host_bits(), ..self }
    }

    pub(crate) fn with_bits(self, bits: u32) -> Self {
        Self { bits, ..self }
    }

    /// Whether both begin with the same `bits` bits.
    pub(crate) fn shares(self, other: Self, bits: u32) -> bool {
        self.v6 == other.v6 && self.with_bits(bits).masked().address == other.with_bits(bits).masked().address
    }

    fn address_bytes(self, address: u128) -> Vec<u8> {
        let bytes = address.to_be_bytes();
        bytes[bytes.len() - self.width() as usize / 8..].to_vec()
    }

    /// The stored form.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.v6)];
        bytes.extend(self.address_bytes(self.masked().address));
        bytes.push(self.bits as u8);
        bytes.extend(self.address_bytes(self.address));
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let v6 = *bytes.first()? == 1;
        let width = if v6 { 16 } else { 4 };
        let bits = u32::from(*bytes.get(1 + width)?);
        let address = bytes.get(2 + width..)?;
        Some(Self { v6, address: address.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte)), bits })
    }

    /// Reads the text form. 22P02 for what is none, and for a network with bits behind its mask.
    pub(crate) fn parse(text: &str, cidr: bool) -> Result<Self> {
        let name = if cidr { "cidr" } else { "inet" };
        let read = if text.contains(':') { parse_v6(text) } else { parse_v4(text, cidr) };
        let network = read.ok_or_else(|| invalid_input(name, text))?;
        if cidr && network.masked() != network {
            let message = format!("invalid cidr value: \"{text}\"");
            return Err(Error::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
                .with_detail("Value has bits set to right of mask."));
        }
        Ok(network)
    }

    /// The address alone.
    pub(crate) fn host(self) -> String {
        if !self.v6 {
            return Ipv4Addr::from(self.address as u32).to_string();
        }
        let address = Ipv6Addr::from(self.address);
        // The old form of an IPv4 address within an IPv6 one, which has one more word than the zeros before it.
        match address.segments() {
            [0, 0, 0, 0, 0, 0, high, _] if high != 0 => format!("::{}", Ipv4Addr::from(self.address as u32)),
            _ => address.to_string(),
        }
    }

    /// The text form; a mask of the whole address is left out of `inet`.
    pub(crate) fn text(self, cidr: bool) -> String {
        match !cidr && self.bits == self.width() {
            true => self.host(),
            false => format!("{}/{}", self.host(), self.bits),
        }
    }

    pub(crate) fn write_binary(self, cidr: bool, out: &mut Vec<u8>) {
        let address = self.address_bytes(self.address);
        out.extend([BINARY_FAMILIES[usize::from(self.v6)], self.bits as u8, u8::from(cidr), address.len() as u8]);
        out.extend(address);
    }

    pub(crate) fn read_binary(bytes: &[u8], cidr: bool) -> Result<Self> {
        let name = if cidr { "cidr" } else { "inet" };
        let invalid = |what: &str| {
            let message = format!("invalid {what} in external \"{name}\" value");
            Error::new(SqlState::INVALID_BINARY_REPRESENTATION, message)
        };
        let [family, bits, _, length, address @ ..] = bytes else {
            return Err(Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"));
        };
        let family = BINARY_FAMILIES.iter().position(|known| known == family);
        let v6 = family.ok_or_else(|| invalid("address family"))? == 1;
        let network = Self { v6, address: 0, bits: u32::from(*bits) };
        if network.bits > network.width() {
            return Err(invalid("bits"));
        }
        if u32::from(*length) * 8 != network.width() || address.len() != usize::from(*length) {
            return Err(invalid("length"));
        }
        let address = address.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        let network = Self { address, ..network };
        if cidr && network.masked() != network {
            return Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid external \"cidr\" value")
                .with_detail("Value has bits set to right of mask."));
        }
        Ok(network)
    }
}

fn mask_length(text: &str, width: u32) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|bits| plain && *bits <= width)
}

fn parse_v6(text: &str) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, mask_length(bits, 128)?),
        None => (text, 128),
    };
    Some(Network { v6: true, address: address.parse::<Ipv6Addr>().ok()?.into(), bits })
}

/// An address may lack its last octets if a mask says how much of it is meant. For a network without a mask the classes
/// of addresses tell, as of old.
fn parse_v4(text: &str, cidr: bool) -> Option<Network> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(mask_length(bits, 32)?)),
        None => (text, None),
    };
    let octets = address.split('.').map(|octet| {
        let plain = !octet.is_empty() && octet.bytes().all(|byte| byte.is_ascii_digit());
        octet.parse::<u8>().ok().filter(|_| plain)
    });
    let octets = octets.collect::<Option<Vec<u8>>>()?;
    let said = u32::try_from(octets.len()).ok().filter(|said| *said <= 4)?;
    let bits = match bits {
        Some(bits) if !cidr && bits / 8 > said => return None,
        Some(bits) => bits,
        None if !cidr && said < 4 => return None,
        None if !cidr => 32,
        None => {
            let class = match octets[0] {
                240.. => 32,
                224.. => 8,
                192.. => 24,
                128.. => 16,
                _ => 8,
            };
            let bits = class.max(said * 8);
            if bits == 8 && octets[0] == 224 { 4 } else { bits }
        }
    };
    let mut address = [0; 4];
    address[..octets.len()].copy_from_slice(&octets);
    Some(Network { v6: false, address: u32::from_be_bytes(address).into(), bits })
}

/// Bytes of a hardware address.
const HARDWARE_BYTES: usize = 6;

/// Reads a hardware address in any of the forms that are usual.
pub(crate) fn parse_hardware(text: &str) -> Result<[u8; HARDWARE_BYTES]> {
    let invalid = || invalid_input("macaddr", text);
    let trimmed = text.trim();
    let separator = trimmed.chars().find(|c| !c.is_ascii_hexdigit());
    let parts: Vec<&str> = match separator {
        Some(separator @ (':' | '-' | '.')) => trimmed.split(separator).collect(),
        Some(_) => return Err(invalid()),
        None => vec![trimmed],
    };
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(invalid());
    }
    let mut address = [0; HARDWARE_BYTES];
    if parts.len() == HARDWARE_BYTES && separator != Some('.') {
        for (byte, part) in address.iter_mut().zip(&parts) {
            *byte = u8::from_str_radix(part, 16).map_err(|_| {
                let message = format!("invalid octet value in \"macaddr\" value: \"{text}\"");
                Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
            })?;
        }
        return Ok(address);
    }
    let digits = match (parts.len(), separator) {
        (1, _) | (2, Some(':' | '-')) | (3, Some('.' | '-')) => 2 * HARDWARE_BYTES / parts.len(),
        _ => return Err(invalid()),
    };
    if parts.iter().any(|part| part.len() != digits) {
        return Err(invalid());
    }
    let digits = parts.concat();
    for (at, byte) in address.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| invalid())?;
    }
    Ok(address)
}

/// Bytes of a `macaddr8`.
const LONG_HARDWARE_BYTES: usize = 8;

/// What stands in the middle of a long address that was made of a short one.
const FILLING: [u8; 2] = [0xff, 0xfe];

/// Six bytes as the eight that they are in a network of long addresses.
pub(crate) fn lengthened([a, b, c, d, e, f]: [u8; HARDWARE_BYTES]) -> [u8; LONG_HARDWARE_BYTES] {
    let [x, y] = FILLING;
    [a, b, c, x, y, d, e, f]
}

/// The six bytes that such an address was made of; None if it was not.
pub(crate) fn shortened(address: &[u8]) -> Option<[u8; HARDWARE_BYTES]> {
    match address {
        &[a, b, c, x, y, d, e, f] if [x, y] == FILLING => Some([a, b, c, d, e, f]),
        _ => None,
    }
}

/// Reads a hardware address of eight bytes, or of six: pairs of digits, which one kind of separator may part anywhere. As in
/// PostgreSQL, one character more behind the pairs is not looked at.
pub(crate) fn parse_long_hardware(text: &str) -> Result<[u8; LONG_HARDWARE_BYTES]> {
    let invalid = || invalid_input("macaddr8", text);
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let is_space = |byte: u8| super::text::is_space(char::from(byte));
    let mut rest = text.trim_start_matches(super::text::is_space).as_bytes();
    let (mut bytes, mut separator) = (Vec::with_capacity(LONG_HARDWARE_BYTES), None);
    while let &[high, low, ref behind @ ..] = rest {
        if bytes.len() == LONG_HARDWARE_BYTES {
            return Err(invalid());
        }
        let (high, low) = digit(high).zip(digit(low)).ok_or_else(invalid)?;
        bytes.push(high << 4 | low);
        rest = behind;
        if let &[next @ (b':' | b'-' | b'.'), ref behind @ ..] = rest {
            if *separator.get_or_insert(next) != next {
                return Err(invalid());
            }
            rest = behind;
        }
        if matches!(bytes.len(), HARDWARE_BYTES | LONG_HARDWARE_BYTES) && rest.first().copied().is_some_and(is_space) {
            rest = rest.trim_ascii_start();
            if !rest.is_empty() {
                return Err(invalid());
            }
        }
    }
    match <[u8; HARDWARE_BYTES]>::try_from(&bytes[..]) {
        Ok(short) => Ok(lengthened(short)),
        Err(_) => bytes.try_into().map_err(|_| invalid()),
    }
}

pub(crate) fn hardware_text(address: &[u8]) -> String {
    address.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
