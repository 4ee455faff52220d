//! What can go wrong, in PostgreSQL's words and with its SQLSTATEs: one enum for proving who one
//! is, one for reading and changing privileges.

/// A login that failed, or a stored password that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The message breaks the grammar of SCRAM, or came out of turn.
    #[error("malformed SCRAM message")]
    MalformedMessage {
        /// Which rule it breaks.
        detail: String,
    },
    /// The message breaks the grammar of OAUTHBEARER.
    #[error("malformed OAUTHBEARER message")]
    MalformedBearer {
        /// Which rule it breaks. No part of the message, which may be a good token.
        detail: String,
    },
    /// The message is longer than [`crate::SCRAM_MESSAGE_BYTES_MAX`].
    #[error("invalid message length")]
    MessageTooLong,
    /// The client's nonce holds something other than printable ASCII.
    #[error("non-printable characters in SCRAM nonce")]
    UnprintableNonce,
    /// The client answered to a nonce that is not the one it was given.
    #[error("invalid SCRAM response")]
    NonceMismatch,
    /// The client asked for a mechanism that was not offered.
    #[error("client selected an invalid SASL authentication mechanism")]
    UnknownMechanism,
    /// A kind of channel binding other than `tls-server-end-point`.
    #[error("unsupported SCRAM channel-binding type \"{name}\"")]
    UnsupportedChannelBinding {
        /// What the client named, with unprintable bytes replaced.
        name: String,
    },
    /// Without channel binding, the last message must repeat the header of the first.
    #[error("unexpected SCRAM channel-binding attribute in client-final-message")]
    UnexpectedChannelBinding,
    /// The client believes that we cannot bind channels although we offered it: somebody between
    /// us may have removed the offer.
    #[error("SCRAM channel binding negotiation error")]
    ChannelBindingDowngrade,
    /// The client is bound to another TLS certificate than ours.
    #[error("SCRAM channel binding check failed")]
    ChannelBindingMismatch,
    /// The client wants to act as somebody else than it logs in as.
    #[error("client uses authorization identity, but it is not supported")]
    AuthorizationIdentity,
    /// The client insists on an extension of SCRAM.
    #[error("client requires an unsupported SCRAM extension")]
    MandatoryExtension,
    /// The proof does not fit the password. The caller words the message, which is the same
    /// whether the role exists or not.
    #[error("password authentication failed")]
    WrongPassword,
    /// A stored password that is not a SCRAM-SHA-256 verifier.
    #[error("invalid SCRAM secret")]
    InvalidVerifier,
}

impl AuthenticationError {
    /// The five characters of the SQLSTATE. Exhaustive on purpose: a new variant must choose its code.
    pub fn sql_state(&self) -> &'static str {
        match self {
            Self::MalformedMessage { .. }
            | Self::MalformedBearer { .. }
            | Self::UnprintableNonce
            | Self::NonceMismatch
            | Self::UnknownMechanism
            | Self::UnsupportedChannelBinding { .. }
            | Self::UnexpectedChannelBinding => "08P01",
            Self::AuthorizationIdentity | Self::MandatoryExtension => "0A000",
            Self::ChannelBindingDowngrade | Self::ChannelBindingMismatch => "28000",
            Self::WrongPassword | Self::MessageTooLong => "28P01",
            Self::InvalidVerifier => "XX000",
        }
    }

    /// The DETAIL line, where PostgreSQL has one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::MalformedMessage { detail } | Self::MalformedBearer { detail } => Some(detail),
            Self::NonceMismatch => Some("Nonce does not match."),
            Self::ChannelBindingDowngrade => Some(
                "The client supports SCRAM channel binding but thinks the server does not.  However, this server does support channel binding.",
            ),
            _ => None,
        }
    }
}

/// A GRANT or REVOKE that cannot be done, or an ACL text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// `WITH GRANT OPTION` to PUBLIC.
    #[error("grant options can only be granted to roles")]
    GrantOptionToPublic,
    /// The grantor holds its grant option only through the grantee.
    #[error("grant options cannot be granted back to your own grantor")]
    CircularGrantOption,
    /// Others were granted the privilege by the role that is about to lose it.
    #[error("dependent privileges exist")]
    DependentPrivileges,
    /// A role that the lookup does not know.
    #[error("role \"{name}\" does not exist")]
    UndefinedRole {
        /// As written, without its quotes.
        name: String,
    },
    /// A role name of 64 bytes or more.
    #[error("identifier too long")]
    IdentifierTooLong,
    /// The first word is neither a name before `=` nor `group` or `user`.
    #[error("unrecognized key word: \"{word}\"")]
    UnrecognizedKeyWord {
        /// The word, without its quotes.
        word: String,
    },
    /// `group` or `user` with nothing behind it.
    #[error("missing name")]
    MissingName,
    /// No `=` after the grantee.
    #[error("missing \"=\" sign")]
    MissingEqualsSign,
    /// A letter that names no privilege.
    #[error("invalid mode character: must be one of \"{}\"", crate::authorize::PRIVILEGE_LETTERS)]
    InvalidModeCharacter,
    /// No grantor after `/`.
    #[error("a name must follow the \"/\" sign")]
    MissingGrantor,
    /// Something is left over behind a complete item.
    #[error("extra garbage at the end of the ACL specification")]
    TrailingGarbage,
    /// The list around the items is not an array literal.
    #[error("malformed array literal: \"{text}\"")]
    MalformedArray {
        /// The whole literal.
        text: String,
    },
}

impl AuthorizationError {
    /// The five characters of the SQLSTATE. Exhaustive on purpose: a new variant must choose its code.
    pub fn sql_state(&self) -> &'static str {
        match self {
            Self::GrantOptionToPublic | Self::CircularGrantOption => "0LP01",
            Self::DependentPrivileges => "2BP01",
            Self::UndefinedRole { .. } => "42704",
            Self::IdentifierTooLong => "42622",
            Self::UnrecognizedKeyWord { .. }
            | Self::MissingName
            | Self::MissingEqualsSign
            | Self::InvalidModeCharacter
            | Self::MissingGrantor
            | Self::TrailingGarbage
            | Self::MalformedArray { .. } => "22P02",
        }
    }

    /// The DETAIL line, where PostgreSQL has one.
    pub fn detail(&self) -> Option<&'static str> {
        match self {
            Self::IdentifierTooLong => Some("Identifier must be less than 64 characters."),
            _ => None,
        }
    }

    /// The HINT line, where PostgreSQL has one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DependentPrivileges => Some("Use CASCADE to revoke them too."),
            Self::UnrecognizedKeyWord { .. } => Some("ACL key word must be \"group\" or \"user\"."),
            Self::MissingName => Some("A name must follow the \"group\" or \"user\" key word."),
            _ => None,
        }
    }
}
