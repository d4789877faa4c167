//! The line of steps from a payment to an order, and the way back.

use crate::domain::checkout::{
    Attempt, Checkout, CheckoutState, CompletionOutcome, Demand, Refusal, UndoEnd,
};
use crate::domain::ledger::{
    LedgerError, Posting, Transfer, TransferKind, captured_postings, placed_postings,
};
use crate::domain::limits::{CONFLICT_RETRIES_MAX, PAYMENT_POLL_MS};
use crate::domain::order::{Order, OrderState, Purchase};
use crate::domain::payment::{Authorization, Capture, DeclineReason, Lookup, PaymentRequest, Void};
use crate::ports::error::StoreError;
use crate::ports::orders::WriteOnce;
use crate::ports::payments::PaymentProvider;
use crate::services::checkout::holds::Holding;
use crate::services::checkout::next::taken_over;
use crate::services::checkout::{CheckoutError, Checkouts, Rest, transfer_id};

impl Checkouts {
    /// Goes on with a row under our lease until it rests. When a step fails, the lease is given up, so
    /// that a retry or a reconciler can go on at once.
    pub(super) async fn drive(&self, row: Checkout, fresh: bool) -> Result<Rest, CheckoutError> {
        let mut row = row;
        let outcome = self.steps(&mut row, fresh).await;
        if outcome.is_err() {
            self.give_up_lease(&row).await;
        }
        outcome
    }

    async fn steps(&self, row: &mut Checkout, fresh: bool) -> Result<Rest, CheckoutError> {
        match row.state.clone() {
            CheckoutState::Opening { .. } => self.finish_opening(row.clone()).await,
            CheckoutState::Completing { attempt, .. } => self.pay(row, &attempt, fresh).await,
            CheckoutState::Undoing { attempt, end, .. } => {
                self.undo(row, attempt.as_ref(), end).await
            }
            CheckoutState::Open { .. } => Ok(Rest::Opened(Box::new(row.clone()))),
            CheckoutState::Completed { .. } => Err(CheckoutError::InProgress),
            CheckoutState::Expired => Ok(Rest::Expired),
            CheckoutState::Canceled => Ok(Rest::Canceled(Box::new(row.clone()))),
            CheckoutState::Refused(refusal) => Ok(Rest::Refused(refusal)),
        }
    }

    /// Best effort: without it, others wait for the lease to run out.
    async fn give_up_lease(&self, row: &Checkout) {
        let next = taken_over(row, self.now());
        if let Err(error) = self.ports.checkouts.put(&next).await {
            tracing::debug!(checkout = %row.id, %error, "a lease was not given up");
        }
    }

    async fn pay(
        &self,
        row: &mut Checkout,
        attempt: &Attempt,
        fresh: bool,
    ) -> Result<Rest, CheckoutError> {
        let provider = self.provider(&attempt.provider).ok_or(CheckoutError::PaymentUnknown)?;
        let provider = provider.as_ref();
        let request = row.payment_request(attempt);
        // A payment that may have been asked for before is looked up, never asked for blindly.
        let known = if fresh { Lookup::Absent } else { provider.lookup(&request).await };
        let authorization = match known {
            Lookup::Found(authorization) => authorization,
            Lookup::Absent => {
                if let Some(refusal) = self.ensure_held(row).await? {
                    let next = row.clone().reopened(refusal.clone(), self.now());
                    self.advance(row, next).await?;
                    return Ok(Rest::Refused(refusal));
                }
                provider.authorize(&request).await
            }
        };
        match authorization.checked(&request) {
            Authorization::Authorized { .. } => self.place(row, attempt, provider, &request).await,
            Authorization::Declined(reason) => {
                // Voided as well: a word about another amount may have reserved that amount.
                let refusal = Refusal::Declined(reason);
                if reason == DeclineReason::AmountMismatch {
                    return self.turn_back(row, attempt, UndoEnd::Reopen(refusal)).await;
                }
                let demand = row.demand.clone();
                self.release(row, &demand).await?;
                let next = row.clone().reopened(refusal.clone(), self.now());
                self.advance(row, next).await?;
                Ok(Rest::Refused(refusal))
            }
            Authorization::RequiresAction if row.is_over(self.now()) => {
                self.turn_back(row, attempt, UndoEnd::Expire).await
            }
            Authorization::RequiresAction => {
                let state = CheckoutState::Completing {
                    attempt: attempt.clone(),
                    awaiting_action: true,
                    lease_until: self.now().plus_ms(PAYMENT_POLL_MS),
                };
                let next = row.clone().moved(state);
                self.advance(row, next).await?;
                Ok(Rest::AwaitingAction(Box::new(row.clone())))
            }
            Authorization::Unknown => Err(CheckoutError::PaymentUnknown),
        }
    }

    /// Holds again what a refused try gave back. The first round was held when the checkout opened.
    async fn ensure_held(&self, row: &mut Checkout) -> Result<Option<Refusal>, CheckoutError> {
        let again: Vec<Demand> =
            row.demand.iter().copied().filter(|demand| demand.round > 0).collect();
        match self.hold_all(row, &again, self.hold_until()).await? {
            Holding::Held(changes) => {
                self.announce(&changes).await;
                Ok(None)
            }
            Holding::Refused(refusal) => Ok(Some(refusal)),
            // Posting will find out which, and try the next round.
            Holding::Lost => Ok(None),
        }
    }

    /// From a reserved payment to a placed order.
    async fn place(
        &self,
        row: &mut Checkout,
        attempt: &Attempt,
        provider: &dyn PaymentProvider,
        request: &PaymentRequest,
    ) -> Result<Rest, CheckoutError> {
        if let Some(refusal) = self.sell(row).await? {
            return self.turn_back(row, attempt, UndoEnd::Reopen(refusal)).await;
        }
        match provider.capture(request).await {
            Capture::Captured { amount } if amount == request.amount => {}
            Capture::Captured { .. } => {
                let refusal = Refusal::Declined(DeclineReason::AmountMismatch);
                return self.turn_back(row, attempt, UndoEnd::Reopen(refusal)).await;
            }
            Capture::Refused => {
                let refusal = Refusal::Declined(DeclineReason::CaptureRefused);
                return self.turn_back(row, attempt, UndoEnd::Reopen(refusal)).await;
            }
            Capture::Unknown => return Err(CheckoutError::PaymentUnknown),
        }
        let order = order(row, attempt);
        self.record(&order).await?;
        let state = CheckoutState::Completed { attempt: attempt.clone() };
        let next = row.clone().answered(state, &CompletionOutcome::Placed);
        self.advance(row, next).await?;
        Ok(Rest::Placed(Box::new(row.clone()), Box::new(order)))
    }

    /// Posts all holds. One that expired meanwhile is taken again under a new round, which is saved
    /// first: a slow twin of this request then fails on the row instead of selling twice.
    async fn sell(&self, row: &mut Checkout) -> Result<Option<Refusal>, CheckoutError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let lost = self.post_all(row).await?;
            if lost.is_empty() {
                return Ok(None);
            }
            let mut next = taken_over(row, self.lease());
            let is_lost = |demand: &Demand| lost.iter().any(|one| one.variant == demand.variant);
            next.demand.iter_mut().filter(|demand| is_lost(demand)).for_each(|d| d.round += 1);
            let again: Vec<Demand> = next.demand.iter().copied().filter(is_lost).collect();
            self.advance(row, next).await?;
            match self.hold_all(row, &again, self.hold_until()).await? {
                Holding::Held(changes) => self.announce(&changes).await,
                Holding::Refused(refusal) => return Ok(Some(refusal)),
                Holding::Lost => {}
            }
        }
        Err(CheckoutError::InProgress)
    }

    /// Order, journal and purchase: four partitions, each written once, in any order.
    async fn record(&self, order: &Order) -> Result<(), CheckoutError> {
        let placed =
            self.transfer(order, TransferKind::OrderPlaced, placed_postings(order, &self.policy)?)?;
        let captured =
            self.transfer(order, TransferKind::PaymentCaptured, captured_postings(order))?;
        let purchase = Purchase::of(order).map_err(LedgerError::from)?;
        let (inserted, first, second, told) = tokio::join!(
            self.insert(order),
            self.append(placed),
            self.append(captured),
            self.ports.purchases.purchased(purchase),
        );
        inserted?;
        first?;
        second?;
        told?;
        Ok(())
    }

    fn transfer(
        &self,
        order: &Order,
        kind: TransferKind,
        postings: Vec<Posting>,
    ) -> Result<Option<Transfer>, LedgerError> {
        if order.totals.grand_total.minor() == 0 {
            return Ok(None); // Nothing moves for a gift.
        }
        let id = transfer_id(self.ports.signer.as_ref(), order.id, kind);
        Transfer::new(id, kind, order.id, order.placed_at, postings).map(Some)
    }

    async fn append(&self, transfer: Option<Transfer>) -> Result<(), StoreError> {
        let Some(transfer) = transfer else { return Ok(()) };
        let answer = match self.ports.journal.append(&transfer).await {
            Err(StoreError::OutcomeUnknown(_)) => self.ports.journal.append(&transfer).await?,
            answer => answer?,
        };
        if answer == WriteOnce::ExistsDifferently {
            // Shares changed between a crash and its repair. The books are append-only: the first stands.
            tracing::warn!(transfer = %transfer.id(), "a transfer was recorded otherwise before");
        }
        Ok(())
    }

    async fn insert(&self, order: &Order) -> Result<(), StoreError> {
        let answer = match self.ports.orders.insert(order).await {
            Err(StoreError::OutcomeUnknown(_)) => self.ports.orders.insert(order).await?,
            answer => answer?,
        };
        match answer {
            WriteOnce::Written | WriteOnce::Exists => Ok(()),
            WriteOnce::ExistsDifferently => Err(StoreError::Corrupt {
                table: "orders",
                key: order.id.to_string(),
                detail: "the order's id belongs to another order".to_owned(),
            }),
        }
    }

    /// Saves the decision to give everything back, then does so.
    async fn turn_back(
        &self,
        row: &mut Checkout,
        attempt: &Attempt,
        end: UndoEnd,
    ) -> Result<Rest, CheckoutError> {
        let lease_until = self.lease();
        let attempt = Some(attempt.clone());
        let state =
            CheckoutState::Undoing { attempt: attempt.clone(), end: end.clone(), lease_until };
        let next = row.clone().moved(state);
        self.advance(row, next).await?;
        self.undo(row, attempt.as_ref(), end).await
    }

    /// Gives money and stock back; the decision for it is in the row.
    async fn undo(
        &self,
        row: &mut Checkout,
        attempt: Option<&Attempt>,
        end: UndoEnd,
    ) -> Result<Rest, CheckoutError> {
        if let Some(attempt) = attempt {
            let provider = self.provider(&attempt.provider).ok_or(CheckoutError::PaymentUnknown)?;
            match provider.void(&row.payment_request(attempt)).await {
                Void::Voided => {}
                Void::Unknown => return Err(CheckoutError::PaymentUnknown),
            }
        }
        let demand = row.demand.clone();
        self.release(row, &demand).await?;
        let closed = CompletionOutcome::Closed;
        let next = row.clone();
        let next = match &end {
            UndoEnd::Reopen(refusal) => next.reopened(refusal.clone(), self.now()),
            UndoEnd::Cancel => next.answered(CheckoutState::Canceled, &closed),
            UndoEnd::Expire => next.answered(CheckoutState::Expired, &closed),
        };
        self.advance(row, next).await?;
        Ok(match end {
            UndoEnd::Reopen(refusal) => Rest::Refused(refusal),
            UndoEnd::Cancel => Rest::Canceled(Box::new(row.clone())),
            UndoEnd::Expire => Rest::Expired,
        })
    }

    /// Saves `next` and makes it the present row. A conflict means that someone took over: they answer.
    async fn advance(&self, row: &mut Checkout, next: Checkout) -> Result<(), CheckoutError> {
        match self.save(&next).await {
            Ok(()) => {
                *row = next;
                Ok(())
            }
            Err(StoreError::Conflict) => Err(CheckoutError::InProgress),
            Err(error) => Err(error.into()),
        }
    }
}

/// The order of a checkout: the same whoever writes it.
fn order(row: &Checkout, attempt: &Attempt) -> Order {
    Order {
        id: attempt.order,
        buyer: row.buyer,
        checkout: row.id,
        state: OrderState::Placed,
        placed_at: attempt.started_at,
        lines: row.lines.clone(),
        totals: row.totals,
        payment: attempt.payment,
        payment_method: attempt.method.clone(),
        email: row.email.clone(),
        shipping_address: row.shipping_address.clone(),
        shipping_option: row.shipping_option.clone(),
    }
}
