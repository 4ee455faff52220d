//! Rules about who may come from where, and what proof is asked for: PostgreSQL's `pg_hba.conf` in other clothes.
//!
//! Rules are tried in order and the first that fits decides; a client that none fits is refused. A rule fits when the
//! kind of connection, the database, the user and the address all do. What words mean is in the PostgreSQL manual,
//! section 21.1; what is not supported (host names, `samenet`, files, other methods) is refused when it is read.

use std::net::IpAddr;
use std::str::FromStr;

use super::mechanism::Offer;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// By which ways the client comes.
    pub connection: ConnectionKind,
    /// The databases it is for; any of these.
    pub databases: Vec<DatabasePattern>,
    /// The users it is for; any of these.
    pub users: Vec<UserPattern>,
    /// The addresses it is for; not asked of a Unix socket.
    pub address: AddressPattern,
    /// What is asked for.
    pub method: AccessMethod,
}

/// The kinds of connection that a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// The Unix socket.
    Local,
    /// TCP, with TLS or without.
    Host,
    /// TCP with TLS.
    HostSsl,
    /// TCP without TLS.
    HostNoSsl,
}

/// Which databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabasePattern {
    /// Every one.
    All,
    /// The one named as the user.
    SameUser,
    /// One named as a role that the user is a member of.
    SameRole,
    /// One by its name.
    Named(String),
}

/// Which users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserPattern {
    /// Everybody.
    All,
    /// Whoever is a member of a role, directly or not.
    MembersOf(String),
    /// One by its name.
    Named(String),
}

/// Which addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressPattern {
    /// Every one.
    All,
    /// The server's own.
    SameHost,
    /// Those that agree with this one in so many leading bits.
    Network(IpAddr, u8),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessMethod {
    /// A conversation by one of these mechanisms.
    Sasl(Offer),
    /// A signed token as the password, which is sent, so only under TLS.
    Token,
    /// Nothing.
    Trust,
    /// What nobody has.
    Reject,
}

/// A word of a rule that means nothing, or nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not a type.
    #[error("\"{0}\" is not a type: local, host, hostssl or hostnossl")]
    UnknownConnection(String),
    /// Not a method of ours.
    #[error("method \"{0}\" is not supported: scram-sha-256, oauth, token, trust or reject")]
    UnknownMethod(String),
    /// Methods that a client cannot be asked for at once.
    #[error("only scram-sha-256 and oauth can be asked for together")]
    MixedMethods,
    /// Not an address.
    #[error("\"{0}\" is not an address: all, samehost, or an IP address with or without the length of its mask")]
    UnknownAddress(String),
    /// A mask longer than the address.
    #[error("\"{0}\" has a mask that is longer than the address")]
    LongMask(String),
    /// Something of `pg_hba.conf` that is not there.
    #[error("\"{0}\" is not supported")]
    Unsupported(String),
    /// Nothing at all.
    #[error("a name is empty")]
    EmptyName,
    /// `trust` where somebody else may listen.
    #[error("method trust is for type local only")]
    TrustOverNetwork,
    /// A token in the clear.
    #[error("methods token and oauth send a secret and need type hostssl")]
    TokenInTheClear,
    /// An address for a Unix socket.
    #[error("type local has no address")]
    LocalAddress,
    /// No address for anything else.
    #[error("an address is missing")]
    MissingAddress,
}

/// By which way a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The Unix socket.
    Local,
    /// TCP in the clear.
    Plain,
    /// TCP with TLS.
    Tls,
}

/// A client, as far as rules ask.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// By which way it has come.
    pub channel: Channel,
    /// Its address; `None` on a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether that address is the server's own.
    pub is_same_host: bool,
    /// The database that it wants.
    pub database: &'a str,
    /// The user that it says it is.
    pub user: &'a str,
}

/// What the first fitting rule asks of a client; `None` if none fits. `is_member` tells whether a user is a member of
/// a role, which a user that does not exist is not, and being a superuser does not make one.
pub fn decide_access(
    rules: &[AccessRule],
    caller: &Caller<'_>,
    is_member: impl Fn(&str, &str) -> bool,
) -> Option<AccessMethod> {
    rules.iter().find(|rule| rule.fits(caller, &is_member)).map(|rule| rule.method)
}

impl AccessRule {
    /// A rule whose parts go together.
    pub fn new(
        connection: ConnectionKind,
        databases: Vec<DatabasePattern>,
        users: Vec<UserPattern>,
        address: Option<AddressPattern>,
        method: AccessMethod,
    ) -> Result<Self, RuleError> {
        let address = match (connection, address) {
            (ConnectionKind::Local, Some(_)) => return Err(RuleError::LocalAddress),
            (ConnectionKind::Local, None) => AddressPattern::All,
            (_, None) => return Err(RuleError::MissingAddress),
            (_, Some(address)) => address,
        };
        let sends_secret = match method {
            AccessMethod::Token => true,
            AccessMethod::Sasl(offer) => offer.bearer,
            AccessMethod::Trust | AccessMethod::Reject => false,
        };
        if sends_secret && connection != ConnectionKind::HostSsl {
            return Err(RuleError::TokenInTheClear);
        }
        if method == AccessMethod::Trust && connection != ConnectionKind::Local {
            return Err(RuleError::TrustOverNetwork);
        }
        Ok(Self { connection, databases, users, address, method })
    }

    fn fits(&self, caller: &Caller<'_>, is_member: &impl Fn(&str, &str) -> bool) -> bool {
        let fits_user = |pattern: &UserPattern| match pattern {
            UserPattern::All => true,
            UserPattern::MembersOf(role) => is_member(caller.user, role),
            UserPattern::Named(name) => name == caller.user,
        };
        let fits_database = |pattern: &DatabasePattern| match pattern {
            DatabasePattern::All => true,
            DatabasePattern::SameUser => caller.database == caller.user,
            DatabasePattern::SameRole => is_member(caller.user, caller.database),
            DatabasePattern::Named(name) => name == caller.database,
        };
        self.connection.fits(caller.channel)
            && self.address.fits(caller)
            && self.databases.iter().any(fits_database)
            && self.users.iter().any(fits_user)
    }
}

impl ConnectionKind {
    fn fits(self, channel: Channel) -> bool {
        match self {
            Self::Local => channel == Channel::Local,
            Self::Host => channel != Channel::Local,
            Self::HostSsl => channel == Channel::Tls,
            Self::HostNoSsl => channel == Channel::Plain,
        }
    }
}

impl AddressPattern {
    fn fits(&self, caller: &Caller<'_>) -> bool {
        match (self, caller.address) {
            (Self::All, _) => true,
            (Self::SameHost, _) => caller.is_same_host,
            (Self::Network(..), None) => false,
            (Self::Network(network, length), Some(address)) => match (network, address.to_canonical()) {
                (IpAddr::V4(network), IpAddr::V4(address)) => {
                    agree(network.to_bits().into(), address.to_bits().into(), 32 - u32::from(*length))
                }
                (IpAddr::V6(network), IpAddr::V6(address)) => {
                    agree(network.to_bits(), address.to_bits(), 128 - u32::from(*length))
                }
                _ => false,
            },
        }
    }
}

/// Whether two addresses agree but for so many bits at their end.
fn agree(one: u128, other: u128, free_bits: u32) -> bool {
    (one ^ other).checked_shr(free_bits).unwrap_or(0) == 0
}

impl FromStr for ConnectionKind {
    type Err = RuleError;

    fn from_str(word: &str) -> Result<Self, RuleError> {
        match word {
            "local" => Ok(Self::Local),
            "host" => Ok(Self::Host),
            "hostssl" => Ok(Self::HostSsl),
            "hostnossl" => Ok(Self::HostNoSsl),
            _ => Err(RuleError::UnknownConnection(word.to_owned())),
        }
    }
}

impl FromStr for DatabasePattern {
    type Err = RuleError;

    fn from_str(word: &str) -> Result<Self, RuleError> {
        match word {
            "all" => Ok(Self::All),
            "sameuser" => Ok(Self::SameUser),
            "samerole" | "samegroup" => Ok(Self::SameRole),
            "replication" => Err(RuleError::Unsupported(word.to_owned())),
            _ => name(word).map(Self::Named),
        }
    }
}

impl FromStr for UserPattern {
    type Err = RuleError;

    fn from_str(word: &str) -> Result<Self, RuleError> {
        match word.strip_prefix('+') {
            _ if word == "all" => Ok(Self::All),
            Some(role) => name(role).map(Self::MembersOf),
            None => name(word).map(Self::Named),
        }
    }
}

/// A name of something; `@` and `/` at its beginning mean files and patterns to PostgreSQL.
fn name(word: &str) -> Result<String, RuleError> {
    match word.chars().next() {
        None => Err(RuleError::EmptyName),
        Some('@' | '/') => Err(RuleError::Unsupported(word.to_owned())),
        Some(_) => Ok(word.to_owned()),
    }
}

/// Bits before an IPv4 address within IPv6.
const MAPPED_BITS: u8 = 96;

impl FromStr for AddressPattern {
    type Err = RuleError;

    fn from_str(word: &str) -> Result<Self, RuleError> {
        match word {
            "all" => return Ok(Self::All),
            "samehost" => return Ok(Self::SameHost),
            "samenet" => return Err(RuleError::Unsupported(word.to_owned())),
            _ => {}
        }
        let unknown = || RuleError::UnknownAddress(word.to_owned());
        let (address, mask) = match word.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (word, None),
        };
        let address: IpAddr = address.parse().map_err(|_| unknown())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match mask {
            None => longest,
            Some(mask) if mask.bytes().all(|byte| byte.is_ascii_digit()) => mask.parse().map_err(|_| unknown())?,
            Some(_) => return Err(unknown()),
        };
        if length > longest {
            return Err(RuleError::LongMask(word.to_owned()));
        }
        // A client's address is compared in the shorter form of an IPv4 address within IPv6.
        match (address, address.to_canonical()) {
            (IpAddr::V6(_), mapped @ IpAddr::V4(_)) if length >= MAPPED_BITS => {
                Ok(Self::Network(mapped, length - MAPPED_BITS))
            }
            _ => Ok(Self::Network(address, length)),
        }
    }
}

impl AccessMethod {
    /// One method by its name, or several mechanisms of SASL.
    pub fn from_words(words: &[String]) -> Result<Self, RuleError> {
        match words {
            [] => Err(RuleError::EmptyName),
            [word] => word.parse(),
            words => {
                let mut offer = Offer::default();
                for word in words {
                    match word.parse()? {
                        Self::Sasl(Offer { scram, bearer, .. }) => {
                            offer.scram |= scram;
                            offer.bearer |= bearer;
                        }
                        _ => return Err(RuleError::MixedMethods),
                    }
                }
                Ok(Self::Sasl(offer))
            }
        }
    }
}

impl FromStr for AccessMethod {
    type Err = RuleError;

    fn from_str(word: &str) -> Result<Self, RuleError> {
        match word {
            "scram-sha-256" => Ok(Self::Sasl(Offer { scram: true, ..Offer::default() })),
            "oauth" => Ok(Self::Sasl(Offer { bearer: true, ..Offer::default() })),
            "token" => Ok(Self::Token),
            "trust" => Ok(Self::Trust),
            "reject" => Ok(Self::Reject),
            _ => Err(RuleError::UnknownMethod(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
