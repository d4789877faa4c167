//! The schema and its versions.
//!
//! `schema/scylla/NNNN_name.cql` are applied in order, each once; statements create and never drop, and
//! each may be run twice. One node at a time migrates: it holds a lease meanwhile, the others wait.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use include_dir::{Dir, include_dir};
use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use scylla::statement::unprepared::Statement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, Row};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::adapters::scylla::retry::may_go_better;
use crate::adapters::scylla::session::{ConnectError, ScyllaConfig, open_bare};
use crate::domain::limits::{CQL_MIGRATE_DEADLINE_MS, CQL_SCHEMA_DEADLINE_MS};
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/schema/scylla");

const LEASES: &str =
    "CREATE TABLE IF NOT EXISTS leases (name text PRIMARY KEY, holder uuid, until_ms bigint)";
const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions \
     (version int PRIMARY KEY, name text, digest text, applied_ms bigint)";
/// How long a migrating node may be silent before another goes on in its place: longer than all tries of one
/// statement.
const LEASE_MS: i64 = 60_000;
/// How often a statement is sent, how long after its first time still, and the pause between. The last try
/// may take [`CQL_SCHEMA_DEADLINE_MS`] more; all of it stays below the lease.
const TRIES: u32 = 5;
const TRYING: Duration = Duration::from_secs(25);
const PAUSE: Duration = Duration::from_millis(500);

/// Why the schema is not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("a statement of the schema failed: {statement}")]
    Statement {
        /// The statement, shortened.
        statement: String,
        /// Why.
        #[source]
        cause: Box<ExecutionError>,
    },
    /// What is there differs from what this release applied under the same number.
    #[error(
        "migration {version} was applied as `{name}` with other content: this is not the schema of this program"
    )]
    Differs {
        /// Which.
        version: i32,
        /// Its name as it was applied.
        name: String,
    },
    /// A later release migrated it.
    #[error(
        "the schema is at version {found}, this release knows up to {known}: use a newer vitrine"
    )]
    TooNew {
        /// What is there.
        found: i32,
        /// What is known.
        known: i32,
    },
    /// Another node has been migrating for too long.
    #[error("another node holds the schema's lock; try again in a minute")]
    Locked,
    /// The keyspace's name is none.
    #[error(
        "`{0}` is no keyspace name: lower-case letters, digits and `_`, at most 48, a letter first"
    )]
    Keyspace(String),
}

/// A migration that was applied by this call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Migrated {
    /// Its number.
    pub version: i32,
    /// Its name.
    pub name: String,
}

/// One file.
struct Migration {
    version: i32,
    name: String,
    text: &'static str,
}

impl Migration {
    fn digest(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.text.as_bytes());
        URL_SAFE_NO_PAD.encode(digest)
    }

    fn statements(&self) -> impl Iterator<Item = String> {
        let code: Vec<&str> =
            self.text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let code = code.join("\n");
        let all: Vec<String> = code.split(';').map(|text| text.trim().to_owned()).collect();
        all.into_iter().filter(|text| !text.is_empty())
    }
}

/// All migrations in order.
fn migrations() -> Vec<Migration> {
    let mut all: Vec<Migration> = FILES
        .files()
        .filter_map(|file| {
            let name = file.path().file_stem()?.to_str()?;
            let (version, name) = name.split_once('_')?;
            let version = version.parse().ok()?;
            Some(Migration { version, name: name.to_owned(), text: file.contents_utf8()? })
        })
        .collect();
    all.sort_by_key(|migration| migration.version);
    all
}

/// Brings the keyspace up to date, making it if it is missing; answers what was applied. `tell` hears
/// what is done.
pub async fn migrate(
    config: &ScyllaConfig,
    clock: &dyn Clock,
    holder: u128,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Vec<Migrated>, MigrateError> {
    check_name(&config.keyspace)?;
    let session = open_bare(config).await?;
    let replication = match config.datacenter.as_str() {
        "" => {
            format!("{{'class': 'SimpleStrategy', 'replication_factor': {}}}", config.replication)
        }
        name => format!(
            "{{'class': 'NetworkTopologyStrategy', '{}': {}}}",
            name.replace('\'', ""),
            config.replication
        ),
    };
    let keyspace = &config.keyspace;
    let create =
        format!("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}");
    run(&session, &create).await?;
    session.use_keyspace(keyspace, true).await.map_err(|cause| ConnectError::Keyspace {
        keyspace: keyspace.clone(),
        cause: Box::new(cause.into()),
    })?;
    run(&session, LEASES).await?;
    run(&session, VERSIONS).await?;
    let holder = Uuid::from_u128(holder);
    lock(&session, clock, holder, tell).await?;
    let outcome = apply_missing(&session, clock, holder, tell).await;
    unlock(&session, holder).await?;
    outcome
}

fn check_name(keyspace: &str) -> Result<(), MigrateError> {
    let fine = keyspace.len() <= 48
        && keyspace.starts_with(|first: char| first.is_ascii_lowercase())
        && keyspace.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if fine { Ok(()) } else { Err(MigrateError::Keyspace(keyspace.to_owned())) }
}

async fn apply_missing(
    session: &Session,
    clock: &dyn Clock,
    holder: Uuid,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Vec<Migrated>, MigrateError> {
    let there = versions(session).await?;
    let all = migrations();
    let known = all.last().map_or(0, |last| last.version);
    if let Some(found) = there.iter().map(|(version, ..)| *version).max().filter(|v| *v > known) {
        return Err(MigrateError::TooNew { found, known });
    }
    let mut applied = Vec::new();
    for migration in all {
        let Migration { version, name, .. } = &migration;
        if let Some((_, as_name, digest)) = there.iter().find(|(v, ..)| v == version) {
            if *digest != migration.digest() {
                return Err(MigrateError::Differs { version: *version, name: as_name.clone() });
            }
            continue;
        }
        tell(&format!("applying {version:04} {name}"));
        for statement in migration.statements() {
            if !renew(session, clock, holder).await? {
                return Err(MigrateError::Locked);
            }
            run(session, &statement).await?;
        }
        let insert =
            "INSERT INTO schema_versions (version, name, digest, applied_ms) VALUES (?, ?, ?, ?)";
        let values = (version, name, migration.digest(), clock.now().unix_ms());
        send(session, insert, &values).await?;
        applied.push(Migrated { version: *version, name: name.clone() });
    }
    Ok(applied)
}

/// Takes the lock, or waits for whoever has it.
async fn lock(
    session: &Session,
    clock: &dyn Clock,
    holder: Uuid,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<(), MigrateError> {
    let deadline = Instant::now() + Duration::from_millis(CQL_MIGRATE_DEADLINE_MS);
    let mut told = false;
    loop {
        if take(session, clock, holder).await? {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(MigrateError::Locked);
        }
        if !std::mem::replace(&mut told, true) {
            tell("another node is migrating; waiting for it");
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Whether the lock is ours now: it was never taken, its lease ran out, or a write of ours took it whose
/// answer was lost.
async fn take(session: &Session, clock: &dyn Clock, holder: Uuid) -> Result<bool, MigrateError> {
    let now_ms = clock.now().unix_ms();
    let until_ms = now_ms + LEASE_MS;
    let first = "INSERT INTO leases (name, holder, until_ms) VALUES ('schema', ?, ?) IF NOT EXISTS";
    let next = "UPDATE leases SET holder = ?, until_ms = ? WHERE name = 'schema' IF until_ms < ?";
    Ok(conditional(session, first, (holder, until_ms)).await?
        || conditional(session, next, (holder, until_ms, now_ms)).await?
        || renew(session, clock, holder).await?)
}

/// Keeps the lock for as long again, unless another node has gone on in our place.
async fn renew(session: &Session, clock: &dyn Clock, holder: Uuid) -> Result<bool, MigrateError> {
    let until_ms = clock.now().unix_ms() + LEASE_MS;
    let own = "UPDATE leases SET until_ms = ? WHERE name = 'schema' IF holder = ?";
    conditional(session, own, (until_ms, holder)).await
}

async fn unlock(session: &Session, holder: Uuid) -> Result<(), MigrateError> {
    let end = "UPDATE leases SET until_ms = 0 WHERE name = 'schema' IF holder = ?";
    conditional(session, end, (holder,)).await.map(drop)
}

async fn conditional(
    session: &Session,
    text: &str,
    values: impl scylla::serialize::row::SerializeRow,
) -> Result<bool, MigrateError> {
    let answer = send(session, text, &values).await?;
    let first = answer.into_rows_result().ok().and_then(|rows| rows.first_row::<Row>().ok());
    let first = first.and_then(|row| row.columns.into_iter().next().flatten());
    Ok(first == Some(CqlValue::Boolean(true)))
}

/// Version, name and digest of what was applied.
async fn versions(session: &Session) -> Result<Vec<(i32, String, String)>, MigrateError> {
    let text = "SELECT version, name, digest FROM schema_versions";
    let answer = send(session, text, &()).await?;
    let Ok(rows) = answer.into_rows_result() else { return Ok(Vec::new()) };
    let Ok(rows) = rows.rows::<(i32, String, String)>() else { return Ok(Vec::new()) };
    Ok(rows.filter_map(Result::ok).collect())
}

/// That the schema is the one of this release.
pub(super) async fn check(session: &Session) -> Result<(), ConnectError> {
    let needed = migrations().last().map_or(0, |last| last.version);
    let there = versions(session).await.unwrap_or_default();
    let found = there.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    // Later migrations only add: the old nodes of a rolling update go on.
    if found >= needed {
        return Ok(());
    }
    Err(ConnectError::Schema { found, needed, hint: "run `vitrine migrate`" })
}

fn plain(text: &str) -> Statement {
    let mut statement = Statement::new(text);
    statement.set_consistency(Consistency::LocalQuorum);
    statement.set_serial_consistency(Some(SerialConsistency::LocalSerial));
    statement.set_request_timeout(Some(Duration::from_millis(CQL_SCHEMA_DEADLINE_MS)));
    statement
}

/// Runs a statement and waits until all nodes know what it made. The driver waits only after a change;
/// what another migration made a moment ago is none, and may still be on its way.
async fn run(session: &Session, text: &str) -> Result<(), MigrateError> {
    send(session, text, &()).await?;
    let agreed = session.await_schema_agreement().await;
    agreed.map(drop).map_err(|cause| failed(text, cause.into()))
}

/// Sends a statement, again when it was late or its coordinator lost: a cluster that has just started is slow
/// at first. Statements that make something unless it exists may run twice; migrations hold no others yet.
async fn send(
    session: &Session,
    text: &str,
    values: &impl scylla::serialize::row::SerializeRow,
) -> Result<QueryResult, MigrateError> {
    let (mut tries, began) = (1, Instant::now());
    loop {
        match session.query_unpaged(plain(text), values).await {
            Err(cause) if tries < TRIES && began.elapsed() < TRYING && is_passing(&cause) => {
                tracing::warn!(error = %cause, "a statement of the schema is sent again");
                tries += 1;
                sleep(PAUSE).await;
            }
            answer => return answer.map_err(|cause| failed(text, cause)),
        }
    }
}

/// Whether the same may succeed a moment later.
fn is_passing(cause: &ExecutionError) -> bool {
    if let ExecutionError::LastAttemptError(attempt) = cause {
        return may_go_better(attempt);
    }
    matches!(cause, ExecutionError::RequestTimeout(_))
}

fn failed(text: &str, cause: ExecutionError) -> MigrateError {
    let statement: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let statement = statement.chars().take(100).collect();
    MigrateError::Statement { statement, cause: Box::new(cause) }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap_and_only_create() {
        let all = migrations();
        for (place, migration) in all.iter().enumerate() {
            assert_eq!(migration.version as usize, place + 1);
            for statement in migration.statements() {
                let fine = ["CREATE TABLE IF NOT EXISTS ", "ALTER TABLE "]
                    .iter()
                    .any(|start| statement.starts_with(start));
                assert!(fine, "{statement}");
            }
        }
    }

    #[test]
    fn keyspace_names_cannot_smuggle_code() {
        check_name("vitrine_2").unwrap();
        for name in ["", "2nd", "a b", "a;drop", "A", &"a".repeat(49)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
