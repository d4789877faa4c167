//! The books: balances as folds over the journal, and the laws that must hold between stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::id::AccountId;
use crate::domain::ledger::{LedgerAccount, Side, Transfer, TransferKind, TrialBalance};
use crate::domain::limits::CHECKOUT_LEASE_MS;
use crate::domain::money::Currency;
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::inventory::InventoryStore;
use crate::ports::journal::Journal;
use crate::ports::orders::OrderStore;
use crate::ports::signer::Signer;
use crate::services::checkout::transfer_id;

/// Rows read at once while everything is walked.
const WALK_PAGE_LEN: usize = 1_000;

/// What the house owes one account in one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Owed {
    /// For goods.
    pub merchant_minor: i128,
    /// For clips that sold.
    pub creator_minor: i128,
}

/// A law between stores, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// Which.
    pub name: &'static str,
    /// How many records were looked at.
    pub checked: u64,
    /// What breaks it; empty when it holds. Only the first few are listed.
    pub violations: Vec<String>,
}

/// Violations listed of one law: one is enough to act on, thousands would not be read.
const VIOLATIONS_LISTED_MAX: usize = 20;

impl Invariant {
    const fn new(name: &'static str) -> Self {
        Self { name, checked: 0, violations: Vec::new() }
    }

    fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds && self.violations.len() < VIOLATIONS_LISTED_MAX {
            self.violations.push(violation());
        }
    }
}

/// Reads the books.
pub struct Ledger {
    journal: Arc<dyn Journal>,
    orders: Arc<dyn OrderStore>,
    inventory: Arc<dyn InventoryStore>,
    clock: Arc<dyn Clock>,
    signer: Arc<dyn Signer>,
}

impl Ledger {
    /// Reads these stores.
    pub fn new(
        journal: Arc<dyn Journal>,
        orders: Arc<dyn OrderStore>,
        inventory: Arc<dyn InventoryStore>,
        clock: Arc<dyn Clock>,
        signer: Arc<dyn Signer>,
    ) -> Self {
        Self { journal, orders, inventory, clock, signer }
    }

    /// The sums of all accounts, and the instant they were taken.
    pub async fn trial_balance(&self) -> Result<(TrialBalance, Timestamp), StoreError> {
        let as_of = self.clock.now();
        let mut balance = TrialBalance::default();
        let mut after = None;
        loop {
            let page = self.journal.all(after, WALK_PAGE_LEN).await?;
            for transfer in &page {
                balance.take(transfer);
            }
            match page.last() {
                Some(last) if page.len() == WALK_PAGE_LEN => after = Some(last.id()),
                Some(_) | None => return Ok((balance, as_of)),
            }
        }
    }

    /// What the house owes `owner`, per currency.
    pub async fn owed(
        &self,
        owner: AccountId,
    ) -> Result<(BTreeMap<Currency, Owed>, Timestamp), StoreError> {
        let as_of = self.clock.now();
        let mut owed: BTreeMap<Currency, Owed> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.journal.by_owner(owner, after, WALK_PAGE_LEN).await?;
            for posting in page.iter().flat_map(Transfer::postings) {
                let minor = i128::from(posting.amount.minor());
                let signed = if posting.side == Side::Credit { minor } else { -minor };
                if posting.account == LedgerAccount::MerchantPayable(owner) {
                    owed.entry(posting.amount.currency()).or_default().merchant_minor += signed;
                } else if posting.account == LedgerAccount::CreatorPayable(owner) {
                    owed.entry(posting.amount.currency()).or_default().creator_minor += signed;
                }
            }
            match page.last() {
                Some(last) if page.len() == WALK_PAGE_LEN => after = Some(last.id()),
                Some(_) | None => return Ok((owed, as_of)),
            }
        }
    }

    /// Walks all stores and checks what must hold between them.
    pub async fn invariants(&self) -> Result<(Vec<Invariant>, Timestamp), StoreError> {
        let (balance, as_of) = self.trial_balance().await?;
        let mut balanced = Invariant::new("journal_balances");
        for &currency in balance.currencies.keys() {
            let sums = balance.totals(currency);
            balanced.check(sums.debits == sums.credits, || {
                format!("{currency}: debits {} and credits {}", sums.debits, sums.credits)
            });
        }
        let all = vec![balanced, self.check_stock().await?, self.check_orders().await?];
        Ok((all, as_of))
    }

    async fn check_stock(&self) -> Result<Invariant, StoreError> {
        let mut law = Invariant::new("stock_covers_its_holds");
        let mut after = None;
        loop {
            let page = self.inventory.audit(after, WALK_PAGE_LEN).await?;
            for audit in &page {
                let level = audit.level;
                let sums = u64::from(level.held) == audit.held
                    && u64::from(level.holds) == audit.holds
                    && level.held <= level.on_hand;
                law.check(sums, || {
                    let (held, holds) = (audit.held, audit.holds);
                    format!("{}: {level:?} but {held} units in {holds} holds", audit.variant)
                });
            }
            match page.last() {
                Some(last) if page.len() == WALK_PAGE_LEN => after = Some(last.variant),
                Some(_) | None => return Ok(law),
            }
        }
    }

    /// An order is written before its transfers, so one that is being placed right now may lack them:
    /// only orders older than a lease count.
    async fn check_orders(&self) -> Result<Invariant, StoreError> {
        let settled = self.clock.now().plus_ms(-CHECKOUT_LEASE_MS);
        let mut law = Invariant::new("orders_are_in_the_journal");
        let mut after = None;
        loop {
            let page = self.orders.all(after, WALK_PAGE_LEN).await?;
            for order in page.iter().filter(|order| order.placed_at <= settled) {
                for kind in [TransferKind::OrderPlaced, TransferKind::PaymentCaptured] {
                    let id = transfer_id(self.signer.as_ref(), order.id, kind);
                    let found = self.journal.get(id).await?;
                    let free = order.totals.grand_total.minor() == 0;
                    law.check(free || found.is_some(), || {
                        format!("{}: no transfer `{}`", order.id, kind.as_str())
                    });
                }
            }
            match page.last() {
                Some(last) if page.len() == WALK_PAGE_LEN => after = Some(last.id),
                Some(_) | None => return Ok(law),
            }
        }
    }
}
