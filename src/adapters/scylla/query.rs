//! Statements by kind, prepared once, and the driver's errors as ours.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::policies::retry::{FallthroughRetryPolicy, RetryPolicy};
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, Row};
use tokio::time::Instant;

use crate::adapters::scylla::retry::NextReplica;
use crate::adapters::scylla::{Scylla, corrupt};
use crate::domain::limits::{
    CQL_CONDITIONAL_DEADLINE_MS, CQL_READ_DEADLINE_MS, CQL_WRITE_DEADLINE_MS,
};
use crate::ports::error::StoreError;
use crate::telemetry::calls::{Call, Outcome, Store};

/// What a statement does, and so how it is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Reads what a quorum knows.
    Read,
    /// Reads in the order of the conditional writes: it sees each that has happened, and none that it
    /// did not see can happen later.
    SerialRead,
    /// Writes what may be written twice.
    Write,
    /// Writes under a condition. Never repeated by the driver.
    Conditional,
}

/// A statement. Make it a `const` or `static`: it is prepared at its first use and kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cql {
    text: &'static str,
    kind: Kind,
}

impl Kind {
    const fn call(self) -> Call {
        match self {
            Self::Read => Call::Read,
            Self::SerialRead => Call::SerialRead,
            Self::Write => Call::Write,
            Self::Conditional => Call::Conditional,
        }
    }
}

impl Cql {
    /// A read at quorum.
    pub(super) const fn read(text: &'static str) -> Self {
        Self { text, kind: Kind::Read }
    }

    /// A read that is ordered with conditional writes of its partition.
    pub(super) const fn serial_read(text: &'static str) -> Self {
        Self { text, kind: Kind::SerialRead }
    }

    /// A write at quorum that does the same when it is done twice.
    pub(super) const fn write(text: &'static str) -> Self {
        Self { text, kind: Kind::Write }
    }

    /// A conditional write, or a part of a conditional batch.
    pub(super) const fn conditional(text: &'static str) -> Self {
        Self { text, kind: Kind::Conditional }
    }

    const fn deadline_ms(self) -> u64 {
        match self.kind {
            Kind::Read => CQL_READ_DEADLINE_MS,
            Kind::Write => CQL_WRITE_DEADLINE_MS,
            // A serial read runs the same rounds as a conditional write.
            Kind::SerialRead | Kind::Conditional => CQL_CONDITIONAL_DEADLINE_MS,
        }
    }
}

/// Values of a statement in a batch, whose statements differ.
pub(super) type Values = Vec<Option<CqlValue>>;

/// Statements that were used before.
#[derive(Default)]
pub(super) struct Prepared {
    known: RwLock<HashMap<(&'static str, u8), PreparedStatement>>,
}

impl Prepared {
    async fn get(&self, session: &Session, cql: Cql) -> Result<PreparedStatement, StoreError> {
        let key = (cql.text, cql.kind as u8);
        if let Some(known) = self.known.read().get(&key) {
            return Ok(known.clone());
        }
        let prepared = session.prepare(cql.text).await;
        let mut prepared = prepared.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        prepared.set_consistency(match cql.kind {
            Kind::SerialRead => Consistency::LocalSerial,
            Kind::Read | Kind::Write | Kind::Conditional => Consistency::LocalQuorum,
        });
        prepared.set_serial_consistency(Some(SerialConsistency::LocalSerial));
        prepared.set_request_timeout(Some(Duration::from_millis(cql.deadline_ms())));
        let repeatable = cql.kind != Kind::Conditional;
        prepared.set_is_idempotent(repeatable);
        let policy: Arc<dyn RetryPolicy> = if repeatable {
            Arc::new(NextReplica)
        } else {
            Arc::new(FallthroughRetryPolicy::new())
        };
        prepared.set_retry_policy(Some(policy));
        self.known.write().insert(key, prepared.clone());
        Ok(prepared)
    }
}

impl Scylla {
    async fn execute(
        &self,
        cql: Cql,
        values: impl SerializeRow,
    ) -> Result<QueryResult, StoreError> {
        let prepared = self.inner.prepared.get(&self.inner.session, cql).await?;
        let began = Instant::now();
        let answer = self.inner.session.execute_unpaged(&prepared, values).await;
        self.observed(cql.kind, began, answer)
    }

    /// All rows of a read that is bounded by its `LIMIT` or its key.
    pub(super) async fn rows<T>(
        &self,
        cql: Cql,
        values: impl SerializeRow,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        typed(&rows_of(self.execute(cql, values).await?)?)
    }

    /// The only or first row of a read.
    pub(super) async fn row<T>(
        &self,
        cql: Cql,
        values: impl SerializeRow,
    ) -> Result<Option<T>, StoreError>
    where
        T: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        Ok(self.rows(cql, values).await?.into_iter().next())
    }

    /// One page of a read without a `LIMIT`, and where the next one begins.
    pub(super) async fn page<T>(
        &self,
        cql: Cql,
        values: impl SerializeRow,
        from: PagingState,
        rows_max: usize,
    ) -> Result<(Vec<T>, Option<PagingState>), StoreError>
    where
        T: for<'frame> DeserializeRow<'frame, 'frame>,
    {
        let mut prepared = self.inner.prepared.get(&self.inner.session, cql).await?;
        prepared.set_page_size(i32::try_from(rows_max).unwrap_or(i32::MAX).max(1));
        let began = Instant::now();
        let answer = self.inner.session.execute_single_page(&prepared, values, from).await;
        let (result, state) = self.observed(cql.kind, began, answer)?;
        let next = match state {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        Ok((typed(&rows_of(result)?)?, next))
    }

    /// Runs a plain write.
    pub(super) async fn run(&self, cql: Cql, values: impl SerializeRow) -> Result<(), StoreError> {
        self.execute(cql, values).await.map(drop)
    }

    /// Runs a conditional write: whether its condition held.
    pub(super) async fn apply(
        &self,
        cql: Cql,
        values: impl SerializeRow,
    ) -> Result<bool, StoreError> {
        let began = Instant::now();
        let answer = self.execute(cql, values).await?;
        self.decided(began, answer)
    }

    /// Runs plain writes of one partition together.
    pub(super) async fn run_all(&self, writes: Vec<(Cql, Values)>) -> Result<(), StoreError> {
        self.batch(Kind::Write, writes).await.map(drop)
    }

    /// Runs writes of one partition together under all their conditions: whether they held. Either all
    /// is written or nothing.
    pub(super) async fn apply_all(&self, writes: Vec<(Cql, Values)>) -> Result<bool, StoreError> {
        let began = Instant::now();
        let answer = self.batch(Kind::Conditional, writes).await?;
        self.decided(began, answer)
    }

    async fn batch(
        &self,
        kind: Kind,
        writes: Vec<(Cql, Values)>,
    ) -> Result<QueryResult, StoreError> {
        let mut statements: Vec<BatchStatement> = Vec::with_capacity(writes.len());
        let mut values: Vec<Values> = Vec::with_capacity(writes.len());
        for (cql, row) in writes {
            statements.push(self.inner.prepared.get(&self.inner.session, cql).await?.into());
            values.push(row);
        }
        // Within one partition an unlogged batch is one mutation: atomic without a log.
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        batch.set_consistency(Consistency::LocalQuorum);
        batch.set_serial_consistency(Some(SerialConsistency::LocalSerial));
        batch.set_is_idempotent(kind != Kind::Conditional);
        let deadline_ms = Cql { text: "", kind }.deadline_ms();
        batch.set_request_timeout(Some(Duration::from_millis(deadline_ms)));
        if kind == Kind::Conditional {
            batch.set_retry_policy(Some(Arc::new(FallthroughRetryPolicy::new())));
        } else {
            batch.set_retry_policy(Some(Arc::new(NextReplica)));
        }
        let began = Instant::now();
        let answer = self.inner.session.batch(&batch, values).await;
        self.observed(kind, began, answer)
    }

    /// Measures a statement that has ended. A conditional one that was answered is measured by
    /// [`Self::decided`], which knows whether its condition held.
    fn observed<T>(
        &self,
        kind: Kind,
        began: Instant,
        answer: Result<T, ExecutionError>,
    ) -> Result<T, StoreError> {
        let answer = answer.map_err(|error| failure(error, kind));
        let outcome = match &answer {
            Ok(_) if kind == Kind::Conditional => return answer,
            Ok(_) => Outcome::Ok,
            Err(StoreError::OutcomeUnknown(_)) => Outcome::Unknown,
            Err(StoreError::Conflict) => Outcome::Conflict,
            Err(StoreError::Corrupt { .. }) => Outcome::Corrupt,
            Err(StoreError::Unavailable(_)) => Outcome::Unavailable,
        };
        self.inner.ports.calls.ended(Store::Cql, kind.call(), outcome, began);
        answer
    }

    /// Whether a conditional write was applied.
    fn decided(&self, began: Instant, answer: QueryResult) -> Result<bool, StoreError> {
        let applied = applied(answer);
        let outcome = match &applied {
            Ok(true) => Outcome::Ok,
            Ok(false) => Outcome::Conflict,
            Err(_) => Outcome::Corrupt,
        };
        self.inner.ports.calls.ended(Store::Cql, Call::Conditional, outcome, began);
        applied
    }

    /// Notes that the running request waited since `began` for a conditional write that a task of the
    /// node made for it and others.
    pub(super) fn waited_for_group(&self, began: Instant) {
        self.inner.ports.calls.shared(Store::Cql, Call::Conditional, began);
    }
}

fn rows_of(result: QueryResult) -> Result<QueryRowsResult, StoreError> {
    result.into_rows_result().map_err(|error| corrupt("answer", "rows", error))
}

fn typed<T>(rows: &QueryRowsResult) -> Result<Vec<T>, StoreError>
where
    T: for<'frame> DeserializeRow<'frame, 'frame>,
{
    let rows = rows.rows::<T>().map_err(|error| corrupt("answer", "columns", error))?;
    rows.collect::<Result<Vec<T>, _>>().map_err(|error| corrupt("answer", "a row", error))
}

/// Whether a conditional write was applied. Servers differ in what else they answer; the first column
/// is `[applied]` everywhere.
fn applied(result: QueryResult) -> Result<bool, StoreError> {
    let rows: Vec<Row> = typed(&rows_of(result)?)?;
    let first = rows.first().and_then(|row| row.columns.first());
    match first {
        Some(Some(CqlValue::Boolean(applied))) => Ok(*applied),
        other => Err(corrupt("answer", "[applied]", format!("{other:?}"))),
    }
}

/// What a failed statement means for who asked.
fn failure(error: ExecutionError, kind: Kind) -> StoreError {
    let writes = matches!(kind, Kind::Write | Kind::Conditional);
    if writes && may_have_happened(&error) {
        return StoreError::OutcomeUnknown(Box::new(error));
    }
    StoreError::Unavailable(Box::new(error))
}

/// Whether a write that failed like this may have been done, now or later.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the driver's enums grow; what is not known to be harmless counts as unknown"
)]
fn may_have_happened(error: &ExecutionError) -> bool {
    use RequestAttemptError as Attempt;
    match error {
        ExecutionError::RequestTimeout(_) => true,
        ExecutionError::LastAttemptError(attempt) => match attempt {
            Attempt::DbError(db, _) => !matches!(
                db,
                DbError::Unavailable { .. }
                    | DbError::Overloaded
                    | DbError::IsBootstrapping
                    | DbError::SyntaxError
                    | DbError::Invalid
                    | DbError::Unauthorized
                    | DbError::ConfigError
                    | DbError::Unprepared { .. }
                    | DbError::RateLimitReached { .. }
            ),
            Attempt::SerializationError(_)
            | Attempt::CqlRequestSerialization(_)
            | Attempt::UnableToAllocStreamId => false,
            _ => true,
        },
        _ => false,
    }
}
