//! Commits a second and latency with many subscribers: what `scripts/bench live` runs against either server.
//!
//! ```text
//! subscribers PORT trigger|notify|live shared|rooms|filters SUBSCRIBERS SECONDS [COMMITS_A_SECOND]
//! ```
//! Writers insert single rows. The subscribers learn of them by a trigger that calls `pg_notify`, by `pg_notify` in the
//! statement that inserts, or by a live query; all of the same thing, or each of a room of its own. `filters` are ten live
//! queries for each subscriber that no row ever meets. Prints commits a second, notifications a second, and in microseconds
//! the median and the 99th percentile of a commit and of the time from before the commit until a subscriber knows. A commit
//! counts if it was sent while the measuring went on, whenever a subscriber learns of it, and a notification a second is one
//! that came meanwhile.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls};

const WRITERS: usize = 8;

/// Before the measuring begins, and after the last commit until a subscriber should know of it.
const WARM_UP: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(2);

/// Live queries of one subscriber that no row meets.
const FILTERS: u64 = 10;

/// What all tasks share.
struct Run {
    /// When the measuring begins and when it ends, as `now` tells time.
    begun: AtomicU64,
    ended: AtomicU64,
    is_over: AtomicBool,
    commits: AtomicU64,
    told: AtomicU64,
    next: AtomicU64,
}

impl Run {
    fn new() -> Self {
        let zero = AtomicU64::default;
        let (begun, ended) = (AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX));
        Self { begun, ended, is_over: AtomicBool::default(), commits: zero(), told: zero(), next: zero() }
    }

    /// Whether a moment is one of those that are measured.
    fn measures(&self, moment: u64) -> bool {
        (self.begun.load(Ordering::Relaxed)..self.ended.load(Ordering::Relaxed)).contains(&moment)
    }
}

/// How the subscribers are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Trigger,
    Notify,
    Live,
}

struct Setting {
    config: Config,
    way: Way,
    shape: String,
    subscribers: u64,
    duration: Duration,
    commits_a_second: Option<f64>,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let setting = setting(&arguments).unwrap_or_else(|| panic!("see the head of {}", file!()));
    if let Err(error) = measure(setting).await {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn setting(arguments: &[String]) -> Option<Setting> {
    let [port, way, shape, subscribers, seconds, rate @ ..] = arguments else { return None };
    let mut config = Config::new();
    let from = |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    config.host("127.0.0.1").port(port.parse().ok()?).user(from("PGUSER", "postgres"));
    config.password(from("PGPASSWORD", "")).dbname(from("PGDATABASE", "postgres"));
    let way = match way.as_str() {
        "trigger" => Way::Trigger,
        "notify" => Way::Notify,
        "live" => Way::Live,
        _ => return None,
    };
    Some(Setting {
        config,
        way,
        shape: shape.clone(),
        subscribers: subscribers.parse().ok()?,
        duration: Duration::from_secs_f64(seconds.parse().ok()?),
        commits_a_second: rate.first().and_then(|rate| rate.parse().ok()),
    })
}

async fn measure(setting: Setting) -> Result<(), Error> {
    let setting = Arc::new(setting);
    let run = Arc::new(Run::new());
    prepare(&setting).await?;
    let mut subscribers = Vec::new();
    for number in 0..setting.subscribers {
        subscribers.push(subscribe(&setting, &run, number).await?);
    }
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(write(setting.clone(), run.clone(), connect(&setting.config).await?, number));
    }
    tokio::time::sleep(WARM_UP).await;
    let begun = now();
    run.begun.store(begun, Ordering::Relaxed);
    tokio::time::sleep(setting.duration).await;
    let ended = now();
    run.ended.store(ended, Ordering::Relaxed);
    let seconds = ended.saturating_sub(begun).max(1) as f64 / 1e6;
    let (commits, told) = (run.commits.load(Ordering::Relaxed), run.told.load(Ordering::Relaxed));
    run.is_over.store(true, Ordering::Relaxed);
    let mut committed = Vec::new();
    while let Some(writer) = writers.join_next().await {
        committed.extend(writer.expect("a writer does not panic")?);
    }
    tokio::time::sleep(GRACE).await;
    let mut known: Vec<u32> = subscribers.iter().flat_map(|(_, known)| std::mem::take(&mut *lock(known))).collect();
    println!(
        "{:.0} {:.0} {} {} {} {}",
        commits as f64 / seconds,
        told as f64 / seconds,
        percentile(&mut committed, 50),
        percentile(&mut committed, 99),
        percentile(&mut known, 50),
        percentile(&mut known, 99)
    );
    Ok(())
}

fn percentile(all: &mut [u32], percent: usize) -> u32 {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}

fn lock(known: &Mutex<Vec<u32>>) -> MutexGuard<'_, Vec<u32>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds on the clock of this machine, which writers and subscribers share.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_micros().try_into().unwrap_or(u64::MAX)
}

/// A connection whose notifications nobody wants.
async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// An empty table, with the trigger if that is the way.
async fn prepare(setting: &Setting) -> Result<(), Error> {
    let client = connect(&setting.config).await?;
    let table = "DROP TABLE IF EXISTS messages;
        CREATE TABLE messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room int, sent bigint, body text)";
    client.batch_execute(table).await?;
    if setting.way != Way::Trigger {
        return Ok(());
    }
    let channel = if setting.shape == "rooms" { "'room' || new.room" } else { "'all'" };
    let trigger = format!(
        "CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_notify({channel}, row_to_json(new)::text); RETURN NULL; END $$;
        CREATE TRIGGER tell AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION tell()"
    );
    client.batch_execute(&trigger).await
}

/// The statements by which a subscriber begins.
fn listening(setting: &Setting, number: u64) -> String {
    let select = "SELECT id, room, sent, body FROM messages";
    match (setting.way, setting.shape.as_str()) {
        (Way::Live, "rooms") => format!("LISTEN room (initial = false) FOR {select} WHERE room = {number}"),
        (Way::Live, "filters") => {
            let never = number * FILTERS + 1..=(number + 1) * FILTERS;
            let listen = |room| format!("LISTEN never{room} (initial = false) FOR {select} WHERE room = -{room};");
            never.map(listen).collect()
        }
        (Way::Live, _) => format!("LISTEN room (initial = false) FOR {select}"),
        (_, "rooms") => format!("LISTEN room{number}"),
        (_, "filters") => {
            (number * FILTERS + 1..=(number + 1) * FILTERS).map(|room| format!("LISTEN never{room};")).collect()
        }
        _ => "LISTEN \"all\"".to_owned(),
    }
}

/// A subscriber, and how long after its row was sent it has known of each, in microseconds.
async fn subscribe(setting: &Setting, run: &Arc<Run>, number: u64) -> Result<(Client, Arc<Mutex<Vec<u32>>>), Error> {
    let (client, mut connection) = setting.config.connect(NoTls).await?;
    let (run, known) = (run.clone(), Arc::new(Mutex::new(Vec::new())));
    let kept = known.clone();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            let AsyncMessage::Notification(told) = message else { continue };
            let now = now();
            if run.measures(now) {
                run.told.fetch_add(1, Ordering::Relaxed);
            }
            let measured = sent_in(told.payload()).filter(|sent| run.measures(*sent));
            lock(&kept).extend(measured.map(|sent| now.saturating_sub(sent) as u32));
        }
    });
    client.batch_execute(&listening(setting, number)).await?;
    Ok((client, known))
}

/// When each row of an event was sent.
fn sent_in(payload: &str) -> impl Iterator<Item = u64> {
    payload.split("\"sent\":").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        rest[..end].parse().ok()
    })
}

/// Inserts until the run is over; answers how long the commits took that were measured, in microseconds.
async fn write(setting: Arc<Setting>, run: Arc<Run>, client: Client, number: usize) -> Result<Vec<u32>, Error> {
    let insert = "INSERT INTO messages (room, sent, body) VALUES ($1::int, $2::bigint, 'hello there, how are you?')";
    let channel = if setting.shape == "rooms" { "'room' || room" } else { "'all'" };
    let statement = match setting.way {
        Way::Notify => format!("{insert} RETURNING pg_notify({channel}, '{{\"sent\":' || sent || '}}')"),
        _ => insert.to_owned(),
    };
    let statement = client.prepare(&statement).await?;
    let rooms = setting.subscribers.max(1);
    let pause = setting.commits_a_second.map(|rate| Duration::from_secs_f64(WRITERS as f64 / rate));
    // One writer after the other, not all at the same moment.
    let begin = |pause: Duration| tokio::time::Instant::now() + pause * number as u32 / WRITERS as u32;
    let mut pace = pause.map(|pause| tokio::time::interval_at(begin(pause), pause));
    let mut took = Vec::new();
    while !run.is_over.load(Ordering::Relaxed) {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let room = (run.next.fetch_add(1, Ordering::Relaxed) % rooms) as i32;
        let sent = now();
        client.query(&statement, &[&room, &(sent as i64)]).await?;
        let committed = now();
        if run.measures(committed) {
            run.commits.fetch_add(1, Ordering::Relaxed);
        }
        if run.measures(sent) {
            took.push(committed.saturating_sub(sent) as u32);
        }
    }
    Ok(took)
}
