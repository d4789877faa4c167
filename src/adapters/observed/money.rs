//! Orders, captures as the journal has them, and what providers answer.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::id::{AccountId, OrderId, PaymentId, TransferId};
use crate::domain::ledger::{Side, Transfer, TransferKind};
use crate::domain::order::Order;
use crate::domain::payment::{Authorization, Capture, Lookup, PaymentRequest, Void};
use crate::ports::error::StoreError;
use crate::ports::journal::Journal;
use crate::ports::orders::{OrderStore, WriteOnce};
use crate::ports::payments::PaymentProvider;
use crate::telemetry::figures::Figures;
use crate::telemetry::traces;

/// Counts orders, each once.
pub struct ObservedOrders {
    inner: Arc<dyn OrderStore>,
    figures: Arc<Figures>,
}

impl ObservedOrders {
    /// Passes on to `inner`.
    pub fn new(inner: Arc<dyn OrderStore>, figures: Arc<Figures>) -> Self {
        Self { inner, figures }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl OrderStore for ObservedOrders {
    async fn insert(&self, order: &Order) -> Result<WriteOnce, StoreError> {
        let answer = self.inner.insert(order).await?;
        if answer == WriteOnce::Written {
            self.figures.shop.placed();
        }
        Ok(answer)
    }

    async fn get(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.inner.get(id).await
    }

    async fn by_buyer(
        &self,
        buyer: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        self.inner.by_buyer(buyer, before, limit).await
    }

    async fn by_merchant(
        &self,
        merchant: AccountId,
        before: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<Order>, StoreError> {
        self.inner.by_merchant(merchant, before, limit).await
    }

    async fn all(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<Order>, StoreError> {
        self.inner.all(after, limit).await
    }
}

/// Sums captures, each once however often its checkout is resumed.
pub struct ObservedJournal {
    inner: Arc<dyn Journal>,
    figures: Arc<Figures>,
}

impl ObservedJournal {
    /// Passes on to `inner`.
    pub fn new(inner: Arc<dyn Journal>, figures: Arc<Figures>) -> Self {
        Self { inner, figures }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl Journal for ObservedJournal {
    async fn append(&self, transfer: &Transfer) -> Result<WriteOnce, StoreError> {
        let answer = self.inner.append(transfer).await?;
        if answer == WriteOnce::Written && transfer.kind() == TransferKind::PaymentCaptured {
            // The two sides are equal, so one of them is the amount.
            let debits = transfer.postings().iter().filter(|posting| posting.side == Side::Debit);
            for amount in debits.map(|posting| posting.amount) {
                let minor = u64::try_from(amount.minor()).unwrap_or(0);
                self.figures.shop.captured(amount.currency().code(), minor);
            }
        }
        Ok(answer)
    }

    async fn get(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        self.inner.get(id).await
    }

    async fn all(
        &self,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        self.inner.all(after, limit).await
    }

    async fn by_owner(
        &self,
        owner: AccountId,
        after: Option<TransferId>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        self.inner.by_owner(owner, after, limit).await
    }
}

/// Counts a provider's answers.
pub struct ObservedBank {
    inner: Arc<dyn PaymentProvider>,
    figures: Arc<Figures>,
}

impl ObservedBank {
    /// Passes on to `inner`.
    pub fn new(inner: Arc<dyn PaymentProvider>, figures: Arc<Figures>) -> Self {
        Self { inner, figures }
    }
}

/// The running request waited for a provider. What was paid, by whom and with what is not told.
fn asked(question: &'static str, began: Instant, is_unknown: bool) {
    let failure = is_unknown.then_some("unknown");
    traces::waited(began, || format!("payment {question}"), failure, Vec::new);
}

#[async_trait]
#[deny(clippy::missing_trait_methods)] // A new method must not slip past the wrapper.
impl PaymentProvider for ObservedBank {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn accepts(&self, method: &str) -> bool {
        self.inner.accepts(method)
    }

    async fn authorize(&self, request: &PaymentRequest) -> Authorization {
        let began = Instant::now();
        let answer = self.inner.authorize(request).await;
        asked("authorize", began, matches!(answer, Authorization::Unknown));
        self.figures.shop.authorization(match answer {
            Authorization::Authorized { .. } => "authorized",
            Authorization::Declined(reason) => {
                self.figures.shop.declined(reason.as_str());
                "declined"
            }
            Authorization::RequiresAction => "requires_action",
            Authorization::Unknown => "unknown",
        });
        answer
    }

    async fn lookup(&self, request: &PaymentRequest) -> Lookup {
        let began = Instant::now();
        let answer = self.inner.lookup(request).await;
        asked("lookup", began, matches!(answer, Lookup::Found(Authorization::Unknown)));
        answer
    }

    async fn capture(&self, request: &PaymentRequest) -> Capture {
        let began = Instant::now();
        let answer = self.inner.capture(request).await;
        asked("capture", began, matches!(answer, Capture::Unknown));
        self.figures.shop.capture(match answer {
            Capture::Captured { .. } => "captured",
            Capture::Refused => "refused",
            Capture::Unknown => "unknown",
        });
        answer
    }

    async fn void(&self, request: &PaymentRequest) -> Void {
        let began = Instant::now();
        let answer = self.inner.void(request).await;
        asked("void", began, matches!(answer, Void::Unknown));
        self.figures.shop.void(match answer {
            Void::Voided => "voided",
            Void::Unknown => "unknown",
        });
        answer
    }

    fn next_action(&self, payment: PaymentId) -> (&'static str, String) {
        self.inner.next_action(payment)
    }
}
