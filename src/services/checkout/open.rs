//! Opening a checkout: price the lines, hold the stock.

use std::collections::HashMap;

use crate::domain::attribution::Attribution;
use crate::domain::catalog::{FieldError, Product};
use crate::domain::checkout::{Checkout, CheckoutState, Refusal, demand_of};
use crate::domain::id::{AccountId, CheckoutId, ProductId, VariantId};
use crate::domain::ledger::LedgerError;
use crate::domain::limits::{
    CONFLICT_RETRIES_MAX, HOLD_TTL_MS, LINES_PER_CHECKOUT_MAX, OPEN_CHECKOUTS_PER_ACCOUNT_MAX,
    UNITS_PER_LINE_MAX,
};
use crate::domain::money::{Currency, Money};
use crate::domain::order::{Address, Line, Totals};
use crate::domain::quote::Quote;
use crate::domain::time::Timestamp;
use crate::ports::error::StoreError;
use crate::ports::signer::Purpose;
use crate::services::checkout::holds::Holding;
use crate::services::checkout::{CheckoutError, Checkouts, Rest};
use crate::services::idempotency::{Replayable, RequestKey};
use crate::services::signed;

/// The route whose keys open checkouts.
const OPEN_ROUTE: &str = "POST /v1/checkouts";

/// One thing to buy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRequest {
    /// What.
    pub variant: VariantId,
    /// How many.
    pub quantity: u32,
    /// The promise of a price, if the buyer saw one.
    pub quote: Option<String>,
    /// What the feed said about the clip that led here.
    pub attribution_token: Option<String>,
}

/// What a buyer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// Things to buy; all in one currency.
    pub lines: Vec<LineRequest>,
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Address,
    /// The code of a shipping option.
    pub shipping_option: String,
}

type Products = HashMap<VariantId, Product>;

impl Checkouts {
    /// Opens a checkout, once per key. A refusal is remembered under the key like a success.
    pub async fn open(
        &self,
        buyer: AccountId,
        request: &OpenRequest,
        key: &RequestKey,
    ) -> Result<Replayable<Checkout>, CheckoutError> {
        // The id derives from the key: the record of the key and its effect are one row.
        let id = key.digest(self.ports.signer.as_ref(), buyer, OPEN_ROUTE);
        let id = CheckoutId::derived(id);
        for _ in 0..CONFLICT_RETRIES_MAX {
            let next = match self.ports.checkouts.get(id).await? {
                Some(row) => match self.repeated(row, key)? {
                    Ok(answer) => return Ok(answer),
                    Err(next) => *next,
                },
                None => self.draft(id, buyer, request, key).await?,
            };
            match self.save(&next).await {
                Ok(()) => return self.opened(next).await,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CheckoutError::InProgress)
    }

    /// The first answer, or the row to go on with when the one who began it fell silent.
    fn repeated(
        &self,
        row: Checkout,
        key: &RequestKey,
    ) -> Result<Result<Replayable<Checkout>, Box<Checkout>>, CheckoutError> {
        if row.fingerprint != key.fingerprint {
            return Err(CheckoutError::KeyReused);
        }
        match &row.state {
            CheckoutState::Opening { .. } if row.is_leased(self.now()) => {
                Err(CheckoutError::InProgress)
            }
            CheckoutState::Opening { .. } => {
                let lease_until = self.lease();
                Ok(Err(Box::new(row.moved(CheckoutState::Opening { lease_until }))))
            }
            CheckoutState::Refused(refusal) => {
                Err(CheckoutError::Refused { refusal: refusal.clone(), replayed: true })
            }
            CheckoutState::Open { .. }
            | CheckoutState::Completing { .. }
            | CheckoutState::Undoing { .. }
            | CheckoutState::Completed { .. }
            | CheckoutState::Expired
            | CheckoutState::Canceled => Ok(Ok(Replayable::again(row.as_opened()))),
        }
    }

    async fn opened(&self, row: Checkout) -> Result<Replayable<Checkout>, CheckoutError> {
        if let CheckoutState::Refused(refusal) = row.state {
            return Err(CheckoutError::Refused { refusal, replayed: false });
        }
        match self.drive(row, true).await? {
            Rest::Opened(row) => Ok(Replayable::first(*row)),
            Rest::Refused(refusal) => Err(CheckoutError::Refused { refusal, replayed: false }),
            Rest::Expired | Rest::Placed(..) | Rest::AwaitingAction(_) | Rest::Canceled(_) => {
                Err(CheckoutError::Expired)
            }
        }
    }

    /// From *opening* to *open* or *refused*.
    pub(super) async fn finish_opening(&self, row: Checkout) -> Result<Rest, CheckoutError> {
        let demand = row.demand.clone();
        match self.hold_all(&row, &demand, row.expires_at).await? {
            Holding::Held(changes) => {
                let open = row.moved(CheckoutState::Open { held: true });
                // Both are writes of their own partition; neither needs to wait for the other.
                let (saved, ()) = tokio::join!(self.save(&open), self.announce(&changes));
                saved?;
                Ok(Rest::Opened(Box::new(open)))
            }
            Holding::Refused(refusal) => {
                self.save(&row.moved(CheckoutState::Refused(refusal.clone()))).await?;
                Ok(Rest::Refused(refusal))
            }
            Holding::Lost => {
                self.release(&row, &demand).await?;
                self.save(&row.moved(CheckoutState::Expired)).await?;
                Ok(Rest::Expired)
            }
        }
    }

    /// The first version of the row: priced, and refused already if a quote does not stand.
    async fn draft(
        &self,
        id: CheckoutId,
        buyer: AccountId,
        request: &OpenRequest,
        key: &RequestKey,
    ) -> Result<Checkout, CheckoutError> {
        let limit = OPEN_CHECKOUTS_PER_ACCOUNT_MAX;
        if self.ports.checkouts.unfinished(buyer, limit).await? >= limit {
            return Err(CheckoutError::TooMany("complete or cancel one of your open checkouts"));
        }
        let now = self.now();
        let products = self.products(request).await?;
        let (lines, refusal) = self.priced(buyer, request, &products, now)?;
        let currency = lines[0].unit_price.currency();
        let shipping = self.shipping(&request.shipping_option, currency)?;
        let totals =
            Totals::of(&lines, shipping, self.policy.tax_bps).map_err(LedgerError::from)?;
        let state = match refusal {
            Some(refusal) => CheckoutState::Refused(refusal),
            None => CheckoutState::Opening { lease_until: self.lease() },
        };
        Ok(Checkout {
            id,
            buyer,
            created_at: now,
            expires_at: now.plus_ms(HOLD_TTL_MS),
            state,
            demand: demand_of(&lines),
            lines,
            totals,
            email: request.email.clone(),
            shipping_address: request.shipping_address.clone(),
            shipping_option: request.shipping_option.clone(),
            fingerprint: key.fingerprint,
            completions: Vec::new(),
            cancel: None,
            version: 1,
        })
    }

    /// What delivery costs.
    fn shipping(&self, code: &str, currency: Currency) -> Result<Money, CheckoutError> {
        let price = self.policy.shipping(code).and_then(|option| option.price(currency));
        price.ok_or_else(|| {
            // A product may be older than the shop's list of currencies.
            let fault = if self.policy.currencies().contains(&currency) {
                let detail = format!("is not offered for purchases in {currency}");
                FieldError::at("/shipping_option", detail)
            } else {
                let detail = format!("this shop does not deliver for purchases in {currency}");
                FieldError::at("/lines", detail)
            };
            CheckoutError::Invalid(vec![fault])
        })
    }

    /// The product on the shelf of each wanted variant.
    async fn products(&self, request: &OpenRequest) -> Result<Products, CheckoutError> {
        let variants: Vec<VariantId> = request.lines.iter().map(|line| line.variant).collect();
        let owners = self.ports.catalog.owners(&variants).await?;
        let mut ids: Vec<ProductId> = owners.iter().map(|(_, product)| *product).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = self.ports.catalog.get_many(&ids).await?;
        let active: HashMap<ProductId, Product> = found
            .into_iter()
            .filter(|product| product.active)
            .map(|product| (product.id, product))
            .collect();
        let of = |(variant, product)| Some((variant, active.get(&product)?.clone()));
        Ok(owners.into_iter().filter_map(of).collect())
    }

    fn priced(
        &self,
        buyer: AccountId,
        request: &OpenRequest,
        products: &Products,
        now: Timestamp,
    ) -> Result<(Vec<Line>, Option<Refusal>), CheckoutError> {
        let mut faults = Vec::new();
        let mut lines: Vec<Line> = Vec::new();
        let mut refusal = None;
        if request.lines.is_empty() || request.lines.len() > LINES_PER_CHECKOUT_MAX {
            let detail = format!("between 1 and {LINES_PER_CHECKOUT_MAX} lines");
            faults.push(FieldError::at("/lines", detail));
        }
        for (index, wanted) in request.lines.iter().enumerate() {
            let at = |field: &str| format!("/lines/{index}/{field}");
            if !(1..=UNITS_PER_LINE_MAX).contains(&wanted.quantity) {
                let detail = format!("between 1 and {UNITS_PER_LINE_MAX}");
                faults.push(FieldError::at(at("quantity"), detail));
            }
            let Some(line) = self.line(wanted, products) else {
                faults.push(FieldError::at(at("variant_id"), "is not on sale"));
                continue;
            };
            let first = lines.first().unwrap_or(&line);
            if first.unit_price.currency() != line.unit_price.currency() {
                let detail = "all lines of a checkout are in one currency";
                faults.push(FieldError::at(at("variant_id"), detail));
            }
            match self.attributed(buyer, wanted, &line, now) {
                Ok(attribution) => lines.push(Line { attribution, ..line }),
                Err(detail) => faults.push(FieldError::at(at("attribution_token"), detail)),
            }
            match self.quote_refused(wanted, products, now) {
                Ok(refused) => refusal = refusal.or(refused),
                Err(detail) => faults.push(FieldError::at(at("quote"), detail)),
            }
        }
        if faults.is_empty() { Ok((lines, refusal)) } else { Err(CheckoutError::Invalid(faults)) }
    }

    #[expect(clippy::unused_self, reason = "one of the steps of `priced`")]
    fn line(&self, wanted: &LineRequest, products: &Products) -> Option<Line> {
        let product = products.get(&wanted.variant)?;
        let variant = product.variant(wanted.variant)?;
        Some(Line {
            product: product.id,
            variant: variant.id,
            merchant: product.merchant,
            title: product.title.clone(),
            variant_title: variant.title.clone(),
            image_url: product.image_urls.first().cloned(),
            quantity: wanted.quantity,
            unit_price: variant.price,
            attribution: None,
        })
    }

    /// The attribution of a token: none if it does not speak for this purchase, a fault if it is forged.
    fn attributed(
        &self,
        buyer: AccountId,
        wanted: &LineRequest,
        line: &Line,
        now: Timestamp,
    ) -> Result<Option<Attribution>, &'static str> {
        let Some(token) = &wanted.attribution_token else { return Ok(None) };
        let seen = signed::open(self.ports.signer.as_ref(), Purpose::Attribution, token)
            .and_then(|payload| Attribution::from_bytes(&payload))
            .ok_or("was not issued here; leave it out")?;
        Ok(Some(seen).filter(|seen| seen.holds_for(buyer, line.product, now)))
    }

    /// A refusal if the quote no longer stands, a fault if it is forged or for something else.
    fn quote_refused(
        &self,
        wanted: &LineRequest,
        products: &Products,
        now: Timestamp,
    ) -> Result<Option<Refusal>, &'static str> {
        let Some(text) = &wanted.quote else { return Ok(None) };
        let signer = self.ports.signer.as_ref();
        let quote = signed::open(signer, Purpose::Quote, text)
            .and_then(|payload| Quote::from_bytes(&payload))
            .filter(|quote| quote.variant == wanted.variant)
            .ok_or("is not a quote for this variant; leave it out or take a new preview")?;
        let variant = products
            .get(&wanted.variant)
            .and_then(|product| product.variant(wanted.variant))
            .ok_or("is for a variant that is not on sale")?;
        if quote.stands(variant.price, now) {
            return Ok(None);
        }
        let fresh = Quote::given(variant.id, variant.price, now);
        let quote = signed::seal(signer, Purpose::Quote, &fresh.to_bytes());
        Ok(Some(Refusal::PriceChanged { variant: variant.id, price: variant.price, quote }))
    }
}
