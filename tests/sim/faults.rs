//! Ports that fail on purpose: before their effect, after it, with or without the process.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;
use vitrine::domain::checkout::Checkout;
use vitrine::domain::id::{
    AccountId, CheckoutId, HoldId, OrderId, PaymentId, TransferId, VariantId,
};
use vitrine::domain::ledger::Transfer;
use vitrine::domain::order::{Order, Purchase};
use vitrine::domain::payment::{Authorization, Capture, Lookup, PaymentRequest, Void};
use vitrine::domain::stock::{Hold, HoldEvent, HoldState, StockLevel};
use vitrine::domain::time::Timestamp;
use vitrine::ports::checkouts::CheckoutStore;
use vitrine::ports::entropy::Entropy;
use vitrine::ports::error::StoreError;
use vitrine::ports::inventory::{
    AdjustAnswer, Adjustment, HoldAnswer, InventoryStore, StockAudit, StockChange,
};
use vitrine::ports::journal::Journal;
use vitrine::ports::orders::{OrderStore, WriteOnce};
use vitrine::ports::payments::PaymentProvider;
use vitrine::ports::purchases::PurchaseSink;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and the caller knows.
    Refused,
    /// Nothing happens, and the caller does not know.
    LostRequest,
    /// It happens, and the caller does not know.
    LostAnswer,
    /// The process dies before it happens.
    CrashBefore,
    /// The process dies after it happened.
    CrashAfter,
}

impl Fault {
    pub const ALL: [Self; 5] =
        [Self::Refused, Self::LostRequest, Self::LostAnswer, Self::CrashBefore, Self::CrashAfter];
}

enum Plan {
    Never,
    /// The call of that number fails.
    At(usize, Fault),
    /// One call in so many fails, somehow.
    Randomly(u64, Arc<dyn Entropy>),
}

/// Decides which call fails.
pub struct Faults {
    plan: Mutex<Plan>,
    calls: Mutex<usize>,
    crash: Notify,
}

impl Faults {
    pub fn none() -> Self {
        Self { plan: Mutex::new(Plan::Never), calls: Mutex::new(0), crash: Notify::new() }
    }

    /// From now on the call number `at` fails.
    pub fn at(&self, at: usize, fault: Fault) {
        *self.calls.lock() = 0;
        *self.plan.lock() = Plan::At(at, fault);
    }

    /// From now on one call in `one_in` fails.
    pub fn randomly(&self, one_in: u64, entropy: Arc<dyn Entropy>) {
        *self.plan.lock() = Plan::Randomly(one_in, entropy);
    }

    /// No more faults. Answers whether the planned call came.
    pub fn heal(&self) -> bool {
        let struck = match &*self.plan.lock() {
            Plan::At(at, _) => *self.calls.lock() > *at,
            Plan::Never | Plan::Randomly(..) => true,
        };
        *self.plan.lock() = Plan::Never;
        struck
    }

    /// Runs `work` until it ends or the process dies; then the answer is `None`.
    pub async fn alive<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.crash.notified() => None,
        }
    }

    fn next(&self) -> Option<Fault> {
        let mut calls = self.calls.lock();
        let call = *calls;
        *calls += 1;
        match &*self.plan.lock() {
            Plan::Never => None,
            Plan::At(at, fault) => (call == *at).then_some(*fault),
            Plan::Randomly(one_in, entropy) => {
                let dice = entropy.seed();
                (dice % one_in == 0).then(|| Fault::ALL[(dice >> 32) as usize % Fault::ALL.len()])
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.crash.notify_one();
        std::future::pending().await
    }

    async fn store<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let unknown = || StoreError::OutcomeUnknown("on purpose".into());
        match self.next() {
            None => work.await,
            Some(Fault::Refused) => Err(StoreError::unavailable("on purpose")),
            Some(Fault::LostRequest) => Err(unknown()),
            Some(Fault::LostAnswer) => work.await.and_then(|_| Err(unknown())),
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                drop(work.await);
                self.die().await
            }
        }
    }

    async fn foreign<T>(&self, work: impl Future<Output = T>, unknown: T) -> T {
        match self.next() {
            None => work.await,
            Some(Fault::Refused | Fault::LostRequest) => unknown,
            Some(Fault::LostAnswer) => {
                drop(work.await);
                unknown
            }
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                drop(work.await);
                self.die().await
            }
        }
    }
}

/// A port whose writes may fail.
pub struct Faulty<P: ?Sized> {
    pub inner: Arc<P>,
    pub faults: Arc<Faults>,
}

#[async_trait]
impl CheckoutStore for Faulty<dyn CheckoutStore> {
    async fn get(&self, id: CheckoutId) -> Result<Option<Checkout>, StoreError> {
        self.inner.get(id).await
    }

    async fn put(&self, checkout: &Checkout) -> Result<(), StoreError> {
        self.faults.store(self.inner.put(checkout)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<CheckoutId>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn finished(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<CheckoutId>, StoreError> {
        self.inner.finished(before, limit).await
    }

    async fn forget(&self, checkout: &Checkout) -> Result<(), StoreError> {
        self.faults.store(self.inner.forget(checkout)).await
    }

    async fn unfinished(&self, buyer: AccountId, limit: usize) -> Result<usize, StoreError> {
        self.inner.unfinished(buyer, limit).await
    }
}

#[async_trait]
impl InventoryStore for Faulty<dyn InventoryStore> {
    async fn levels(&self, variants: &[VariantId]) -> Result<Vec<StockLevel>, StoreError> {
        self.inner.levels(variants).await
    }

    async fn hold(&self, hold: &Hold) -> Result<HoldAnswer, StoreError> {
        self.faults.store(self.inner.hold(hold)).await
    }

    async fn settle(
        &self,
        variant: VariantId,
        hold: HoldId,
        event: HoldEvent,
    ) -> Result<Option<(HoldState, StockChange)>, StoreError> {
        self.faults.store(self.inner.settle(variant, hold, event)).await
    }

    async fn adjust(&self, adjustment: &Adjustment) -> Result<AdjustAnswer, StoreError> {
        self.inner.adjust(adjustment).await
    }

    async fn due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(VariantId, HoldId)>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn forget_hold(&self, variant: VariantId, hold: HoldId) -> Result<bool, StoreError> {
        self.faults.store(self.inner.forget_hold(variant, hold)).await
    }

    async fn forget_adjustments(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.inner.forget_adjustments(before, limit).await
    }

    async fn audit(
        &self,
        after: Option<VariantId>,
        limit: usize,
    ) -> Result<Vec<StockAudit>, StoreError> {
        self.inner.audit(after, limit).await
    }
}

#[async_trait]
impl OrderStore for Faulty<dyn OrderStore> {
    async fn insert(&self, order: &Order) -> Result<WriteOnce, StoreError> {
        self.faults.store(self.inner.insert(order)).await
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

#[async_trait]
impl Journal for Faulty<dyn Journal> {
    async fn append(&self, transfer: &Transfer) -> Result<WriteOnce, StoreError> {
        self.faults.store(self.inner.append(transfer)).await
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

#[async_trait]
impl PurchaseSink for Faulty<dyn PurchaseSink> {
    async fn purchased(&self, purchase: Purchase) -> Result<(), StoreError> {
        self.faults.store(self.inner.purchased(purchase)).await
    }
}

#[async_trait]
impl PaymentProvider for Faulty<dyn PaymentProvider> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn accepts(&self, method: &str) -> bool {
        self.inner.accepts(method)
    }

    async fn authorize(&self, request: &PaymentRequest) -> Authorization {
        self.faults.foreign(self.inner.authorize(request), Authorization::Unknown).await
    }

    async fn lookup(&self, request: &PaymentRequest) -> Lookup {
        let unknown = Lookup::Found(Authorization::Unknown);
        self.faults.foreign(self.inner.lookup(request), unknown).await
    }

    async fn capture(&self, request: &PaymentRequest) -> Capture {
        self.faults.foreign(self.inner.capture(request), Capture::Unknown).await
    }

    async fn void(&self, request: &PaymentRequest) -> Void {
        self.faults.foreign(self.inner.void(request), Void::Unknown).await
    }

    fn next_action(&self, payment: PaymentId) -> (&'static str, String) {
        self.inner.next_action(payment)
    }
}
