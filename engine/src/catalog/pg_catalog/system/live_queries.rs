//! `system.live_queries`: what sessions follow, as far as the role may see it. `lag` counts the commits of which it is not
//! known yet whether they concern the query.

use storage::Value;

use crate::audit::secret::without_secrets;
use crate::catalog::pg_catalog::relation::row;
use crate::job::Viewer;
use crate::live::Registry;

pub(super) fn rows(viewer: &Viewer<'_>, live: &Registry) -> Vec<Vec<Value>> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let seen = live.all().into_iter().filter(|subscription| viewer.owns(subscription.user.0));
    seen.map(|subscription| {
        row![
            &subscription.live_id,
            subscription.process_id,
            viewer.catalog().role_name(subscription.user.0),
            &*subscription.channel,
            without_secrets(&subscription.query.text).as_ref(),
            if subscription.is_out() { "resync" } else { "active" },
            number(subscription.events()),
            number(subscription.queue_bytes() as u64),
            number(live.lag(&subscription)),
            Value::Timestamptz(subscription.created_at),
        ]
    })
    .collect()
}
