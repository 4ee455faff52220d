//! The server's messages in words, without what differs from one run to the next: secrets, process ids, versions, and
//! where in its sources a server found an error.

use std::fmt::{self, Write};

use tokio_postgres::types::Type;

use crate::wire::Message;

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = String::new();
        match self.describe(&mut words) {
            Some(()) => f.write_str(&words),
            None => write!(f, "malformed message {} {}", char::from(self.kind), hex(&self.body)),
        }
    }
}

impl Message {
    /// The name of its kind, as the manual has it.
    pub fn name(&self) -> &'static str {
        match self.kind {
            b'1' => "ParseComplete",
            b'2' => "BindComplete",
            b'3' => "CloseComplete",
            b'A' => "NotificationResponse",
            b'C' => "CommandComplete",
            b'D' => "DataRow",
            b'E' => "ErrorResponse",
            b'G' => "CopyInResponse",
            b'H' => "CopyOutResponse",
            b'I' => "EmptyQueryResponse",
            b'K' => "BackendKeyData",
            b'N' => "NoticeResponse",
            b'S' => "ParameterStatus",
            b'T' => "RowDescription",
            b'V' => "FunctionCallResponse",
            b'Z' => "ReadyForQuery",
            b'c' => "CopyDone",
            b'd' => "CopyData",
            b'n' => "NoData",
            b's' => "PortalSuspended",
            b't' => "ParameterDescription",
            _ => "Unknown",
        }
    }

    /// None when the fields are not what this kind of message has.
    fn describe(&self, words: &mut String) -> Option<()> {
        let mut fields = Fields(&self.body);
        words.push_str(self.name());
        match self.kind {
            b'1' | b'2' | b'3' | b'I' | b'c' | b'n' | b's' => {}
            b'A' => {
                fields.int32()?;
                write!(words, " {}", fields.text()?).ok()?;
                write!(words, " {}", quoted(fields.text()?.as_bytes())).ok()?;
            }
            b'C' => write!(words, " {}", fields.text()?).ok()?,
            b'D' => fields.row(words)?,
            b'E' | b'N' => fields.report(words)?,
            b'G' | b'H' => fields.copy(words)?,
            b'K' => fields = Fields(&[]),
            b'S' => fields.parameter(words)?,
            b'T' => fields.columns(words)?,
            b'V' => write!(words, " {}", value(fields.value()?)).ok()?,
            b'Z' => write!(words, " {}", status(fields.byte()?)?).ok()?,
            b'd' => {
                write!(words, " {}", quoted(fields.0)).ok()?;
                fields = Fields(&[]);
            }
            b't' => fields.types(words)?,
            _ => return None,
        }
        fields.0.is_empty().then_some(())
    }
}

fn status(byte: u8) -> Option<&'static str> {
    match byte {
        b'I' => Some("idle"),
        b'T' => Some("open"),
        b'E' => Some("failed"),
        _ => None,
    }
}

/// What is left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn int16(&mut self) -> Option<i16> {
        self.take(2)?.try_into().ok().map(i16::from_be_bytes)
    }

    fn int32(&mut self) -> Option<i32> {
        self.take(4)?.try_into().ok().map(i32::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = std::str::from_utf8(self.take(end)?).ok()?;
        self.take(1)?;
        Some(text)
    }

    /// A value with its length before it; NULL is None.
    fn value(&mut self) -> Option<Option<&'a [u8]>> {
        match self.int32()? {
            -1 => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }

    fn row(&mut self, words: &mut String) -> Option<()> {
        let values = (0..self.int16()?).map(|_| self.value().map(value)).collect::<Option<Vec<_>>>()?;
        write!(words, " {}", values.join(", ")).ok()
    }

    /// The severity, code and words of an error in one line, each other field in a line of its own.
    fn report(&mut self, words: &mut String) -> Option<()> {
        let mut fields = Vec::new();
        loop {
            match self.byte()? {
                0 => break,
                code => fields.push((code, self.text()?)),
            }
        }
        let field = |wanted| fields.iter().find(|(code, _)| *code == wanted).map(|(_, text)| *text);
        // The severity comes twice: in the client's language and in English.
        if field(b'S') != field(b'V') {
            return None;
        }
        write!(words, " {} {}: {}", field(b'S')?, field(b'C')?, field(b'M')?).ok()?;
        let others = [
            (b'D', "detail"),
            (b'H', "hint"),
            (b'P', "position"),
            (b'p', "internal position"),
            (b'q', "internal query"),
            (b'W', "context"),
            (b's', "schema"),
            (b't', "table"),
            (b'c', "column"),
            (b'd', "type"),
            (b'n', "constraint"),
        ];
        for (code, name) in others {
            // Where a row lies in its file is no business of the client.
            if let Some(text) = field(code).filter(|text| !(code == b'W' && text.contains(" tuple ("))) {
                write!(words, "\n  {name}: {}", text.replace('\n', "\n    ")).ok()?;
            }
        }
        Some(())
    }

    fn copy(&mut self, words: &mut String) -> Option<()> {
        let format = format_name(i16::from(self.byte()?))?;
        let columns = (0..self.int16()?).map(|_| format_name(self.int16()?)).collect::<Option<Vec<_>>>()?;
        write!(words, " {format} ({})", columns.join(", ")).ok()
    }

    fn parameter(&mut self, words: &mut String) -> Option<()> {
        let (name, value) = (self.text()?, self.text()?);
        let value = if name == "server_version" { "…" } else { value };
        write!(words, " {name} = {value}").ok()
    }

    /// `name type:length`, the type's modifier if it has one, `@n` for the table's column n, and `binary` if it is.
    fn columns(&mut self, words: &mut String) -> Option<()> {
        for at in 0..self.int16()? {
            words.push_str(if at == 0 { " " } else { ", " });
            let name = self.text()?;
            let (table, number) = (self.int32()?, self.int16()?);
            let (ty, length, modifier) = (self.int32()?, self.int16()?, self.int32()?);
            let format = format_name(self.int16()?)?;
            write!(words, "{name} {}:{length}", type_name(ty)).ok()?;
            if modifier != -1 {
                write!(words, " modifier {modifier}").ok()?;
            }
            match (table, number) {
                (0, 0) => {}
                (0, number) => write!(words, " @{number} of no table").ok()?,
                (_, number) => write!(words, " @{number}").ok()?,
            }
            if format != "text" {
                write!(words, " {format}").ok()?;
            }
        }
        Some(())
    }

    fn types(&mut self, words: &mut String) -> Option<()> {
        let types = (0..self.int16()?).map(|_| self.int32().map(type_name)).collect::<Option<Vec<_>>>()?;
        write!(words, " ({})", types.join(", ")).ok()
    }
}

fn format_name(code: i16) -> Option<&'static str> {
    match code {
        0 => Some("text"),
        1 => Some("binary"),
        _ => None,
    }
}

fn type_name(oid: i32) -> String {
    Type::from_oid(oid as u32).map_or_else(|| oid.to_string(), |ty| ty.name().to_owned())
}

fn value(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "NULL".to_owned(), quoted)
}

/// Text in quotes, with the escapes of a script; what is no text as `x'00ff'`. A binary value may happen to be text.
fn quoted(bytes: &[u8]) -> String {
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'));
    match std::str::from_utf8(bytes).ok().filter(is_text) {
        Some(text) => {
            let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r");
            format!("'{}'", text.replace('\'', "''"))
        }
        None => format!("x'{}'", hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes all");
        hex
    })
}
