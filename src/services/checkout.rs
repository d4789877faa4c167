//! Buying: open a checkout, pay it, or let it go.
//!
//! A purchase touches many partitions and no transaction spans two of them. So it is a line of steps,
//! each keyed and idempotent, with the checkout's row as its memory (`domain::checkout`):
//!
//! 1. hold stock, in variant order; release on failure,
//! 2. authorize the payment, only while stock is held,
//! 3. post the holds, 4. capture, 5. write order, journal and purchase, 6. close the row.
//!
//! Whoever finds a row whose lease ran out goes on from there: a client's retry with the same key, or a
//! reconciler. Before the holds are posted the line may turn back (`undo`); from then on it only goes
//! forward, unless the provider refuses to capture.

mod cancel;
mod complete;
mod forget;
mod holds;
mod next;
mod open;
mod pay;
mod resume;

use std::sync::Arc;

use crate::domain::catalog::FieldError;
use crate::domain::change::Change;
use crate::domain::checkout::{Checkout, CheckoutStatus, Refusal};
use crate::domain::id::{AccountId, CheckoutId, OrderId, TransferId};
use crate::domain::ledger::{LedgerError, TransferKind};
use crate::domain::limits::{CHECKOUT_LEASE_MS, CONFLICT_RETRIES_MAX};
use crate::domain::order::Order;
use crate::domain::policy::ShopPolicy;
use crate::domain::time::Timestamp;
use crate::ports::catalog::CatalogStore;
use crate::ports::changes::ChangeLog;
use crate::ports::checkouts::CheckoutStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::inventory::InventoryStore;
use crate::ports::journal::Journal;
use crate::ports::orders::OrderStore;
use crate::ports::payments::PaymentProvider;
use crate::ports::purchases::PurchaseSink;
use crate::ports::signer::Signer;

pub use self::complete::{Completed, NextAction, PayRequest};
pub use self::open::{LineRequest, OpenRequest};

/// Why a purchase does not go on.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The request has faults.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// There is no such checkout, or it is someone else's.
    #[error("there is no such checkout")]
    NotFound,
    /// The key came with another body before.
    #[error("the key belongs to another request")]
    KeyReused,
    /// Someone is at work on it.
    #[error("a request for this checkout is still running")]
    InProgress,
    /// Refused for a reason that is remembered under the key.
    #[error("the purchase was refused: {refusal:?}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// Whether the key's first request got this answer already.
        replayed: bool,
    },
    /// The time to pay is over.
    #[error("the checkout has expired; open a new one")]
    Expired,
    /// It ended otherwise.
    #[error("the checkout is {}", .0.as_str())]
    Closed(CheckoutStatus),
    /// The buyer has too many open checkouts, or tried too often.
    #[error("{0}")]
    TooMany(&'static str),
    /// The provider's answer is not known; it will be found out in the background or by a retry.
    #[error("the payment's outcome is not known yet: repeat the request with the same key")]
    PaymentUnknown,
    /// A store failed; what was begun will be finished or undone.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The books refused an entry: a fault of ours.
    #[error("the order cannot be booked")]
    Ledger(#[from] LedgerError),
}

/// Everything outside that buying needs.
#[derive(Clone)]
pub struct CheckoutPorts {
    /// Checkouts.
    pub checkouts: Arc<dyn CheckoutStore>,
    /// Stock.
    pub inventory: Arc<dyn InventoryStore>,
    /// Products.
    pub catalog: Arc<dyn CatalogStore>,
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// Where purchases are told to the feed.
    pub purchases: Arc<dyn PurchaseSink>,
    /// Where changes of availability are announced.
    pub changes: Arc<dyn ChangeLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub entropy: Arc<dyn Entropy>,
    /// Derived ids; quotes and attribution.
    pub signer: Arc<dyn Signer>,
    /// Who takes money.
    pub providers: Vec<Arc<dyn PaymentProvider>>,
}

/// Runs purchases.
pub struct Checkouts {
    ports: CheckoutPorts,
    policy: Arc<ShopPolicy>,
}

/// Where a line of steps came to rest.
enum Rest {
    /// The order is placed.
    Placed(Box<Checkout>, Box<Order>),
    /// The buyer is at the bank.
    AwaitingAction(Box<Checkout>),
    /// The checkout opened.
    Opened(Box<Checkout>),
    /// Refused, and the stock is back.
    Refused(Refusal),
    /// The time was over.
    Expired,
    /// The buyer gave up.
    Canceled(Box<Checkout>),
}

impl Checkouts {
    /// Purchases under this policy.
    ///
    /// # Panics
    ///
    /// If fee and commission together exceed what is sold: the merchant would pay for selling.
    pub fn new(ports: CheckoutPorts, policy: Arc<ShopPolicy>) -> Self {
        let shares = u32::from(policy.platform_fee_bps) + u32::from(policy.creator_commission_bps);
        assert!(shares <= 10_000, "fee and commission are at most the whole price");
        Self { ports, policy }
    }

    /// One of the buyer's checkouts.
    pub async fn get(&self, buyer: AccountId, id: CheckoutId) -> Result<Checkout, CheckoutError> {
        let found = self.ports.checkouts.get(id).await?;
        found
            .filter(|row| row.buyer == buyer && row.status(self.now()).is_some())
            .ok_or(CheckoutError::NotFound)
    }

    /// The present, as the checkout's times are judged.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn lease(&self) -> Timestamp {
        self.now().plus_ms(CHECKOUT_LEASE_MS)
    }

    /// Writes the next version of a row. A write of unknown outcome is settled by reading the row: it
    /// is compared whole, so that only our own write counts as ours.
    async fn save(&self, row: &Checkout) -> Result<(), StoreError> {
        let mut answer = self.ports.checkouts.put(row).await;
        for _ in 0..CONFLICT_RETRIES_MAX {
            let Err(StoreError::OutcomeUnknown(_)) = answer else { return answer };
            answer = match self.ports.checkouts.get(row.id).await? {
                Some(stored) if stored == *row => Ok(()),
                Some(stored) if stored.version >= row.version => Err(StoreError::Conflict),
                // Not there: the version guards a second write, should the first still arrive. Then that
                // one conflicts, and counts as unknown again until the row tells whose it is.
                Some(_) | None => match self.ports.checkouts.put(row).await {
                    Err(StoreError::Conflict) => {
                        Err(StoreError::OutcomeUnknown("overtaken by its own repeat".into()))
                    }
                    second => second,
                },
            };
        }
        answer
    }

    /// Tells the feed. A failure is only logged: the stock itself is right, and an index that missed a
    /// word catches up with the next one.
    async fn announce(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        if let Err(error) = self.ports.changes.append(changes).await {
            tracing::warn!(%error, "a change of availability was not announced");
        }
    }

    fn provider(&self, name: &str) -> Option<&Arc<dyn PaymentProvider>> {
        self.ports.providers.iter().find(|provider| provider.name() == name)
    }
}

/// The id of an order's transfer: recording it twice writes it once.
pub(super) fn transfer_id(signer: &dyn Signer, order: OrderId, kind: TransferKind) -> TransferId {
    let order = order.bits().to_be_bytes();
    TransferId::derived(signer.derive(&[b"transfer", &order, kind.as_str().as_bytes()]))
}
