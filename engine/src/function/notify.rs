//! `pg_notify` and what a session may ask about notifications.

use storage::Value;

use super::argument::{text, text_of};
use super::define::{table, volatile};
use super::{Function, TableFunction};
use crate::types::oid::*;

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    volatile(3036, "pg_notify", &[TEXT, TEXT], VOID, |context, args| {
        let text_or_none = |value: &Value| if value.is_null() { Ok(String::new()) } else { text(value).map(str::to_owned) };
        context.session.channels.notify(&text_or_none(&args[0])?, &text_or_none(&args[1])?)?;
        text_of("")
    }).takes_nulls(),
    volatile(3296, "pg_notification_queue_usage", &[], FLOAT8, |context, _| {
        Ok(Value::Float8(context.session.channels.queue_usage()))
    }),
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] =
    &[table(3035, "pg_listening_channels", &[], &[("pg_listening_channels", TEXT)], |context, _| {
        let channels = context.session.channels.heard();
        Ok(Box::new(channels.into_iter().map(|channel| Ok(vec![Value::Text((*channel).into())]))))
    })];
