//! Documents as text: in one line, or indented.

use std::io::Write;

use storage::value::jsonb::Node;

/// Spaces of one level of indentation.
const INDENT: usize = 4;

/// Appends a string with its quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // Writing to a Vec cannot fail.
            byte if byte < b' ' => drop(write!(out, "\\u{byte:04x}")),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends a document as jsonb prints it.
pub fn write_document(bytes: &[u8], out: &mut Vec<u8>) {
    match Node::of(bytes) {
        Node::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                write_document(element, out);
            }
            out.push(b']');
        }
        Node::Object(members) => {
            out.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                write_string(key, out);
                out.extend_from_slice(b": ");
                write_document(value, out);
            }
            out.push(b'}');
        }
        scalar => write_scalar(&scalar, out),
    }
}

fn write_scalar(node: &Node<'_>, out: &mut Vec<u8>) {
    match node {
        Node::Bool(true) => out.extend_from_slice(b"true"),
        Node::Bool(false) => out.extend_from_slice(b"false"),
        Node::Number(value) => drop(write!(out, "{value}")),
        Node::String(text) => write_string(text, out),
        _ => out.extend_from_slice(b"null"),
    }
}

/// Appends a document as `jsonb_pretty` prints it.
pub fn write_pretty(bytes: &[u8], level: usize, out: &mut Vec<u8>) {
    match Node::of(bytes) {
        Node::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                start_line(index > 0, level + 1, out);
                write_pretty(element, level + 1, out);
            }
            start_line(false, level, out);
            out.push(b']');
        }
        Node::Object(members) => {
            out.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                start_line(index > 0, level + 1, out);
                write_string(key, out);
                out.extend_from_slice(b": ");
                write_pretty(value, level + 1, out);
            }
            start_line(false, level, out);
            out.push(b'}');
        }
        scalar => write_scalar(&scalar, out),
    }
}

fn start_line(after_another: bool, level: usize, out: &mut Vec<u8>) {
    if after_another {
        out.push(b',');
    }
    out.push(b'\n');
    out.resize(out.len() + INDENT * level, b' ');
}
