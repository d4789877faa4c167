//! A small shop with faulty ports, and the auditor.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use vitrine::adapters::embedded::Embedded;
use vitrine::adapters::payments::sandbox::Sandbox;
use vitrine::adapters::sim::{SeededEntropy, SimClock};
use vitrine::adapters::system::KeyRing;
use vitrine::app::shop::{Commons, ShopBackends, reconcilers, shop};
use vitrine::domain::id::{AccountId, CheckoutId, OrderId, PaymentId, VariantId};
use vitrine::domain::limits::{CHECKOUT_LEASE_MS, HOLD_TTL_MS};
use vitrine::domain::money::{Currency, Money};
use vitrine::domain::order::{Address, Purchase};
use vitrine::domain::payment::{Authorization, Capture, Lookup, PaymentRequest, Void};
use vitrine::domain::stock::{StockEdit, StockReason};
use vitrine::http::shop::ShopApi;
use vitrine::ports::checkouts::CheckoutStore;
use vitrine::ports::error::StoreError;
use vitrine::ports::inventory::InventoryStore;
use vitrine::ports::orders::OrderStore;
use vitrine::ports::payments::PaymentProvider;
use vitrine::ports::purchases::PurchaseSink;
use vitrine::services::catalog::{ProductDraft, VariantDraft};
use vitrine::services::checkout::{CheckoutError, LineRequest, OpenRequest, PayRequest};
use vitrine::services::idempotency::RequestKey;
use vitrine::services::inventory::AdjustRequest;

use crate::faults::{Faults, Faulty};
use crate::support::START;

/// What the bank knows, whatever the shop believes.
pub struct Bank {
    sandbox: Sandbox,
    /// Payments whose money is reserved, whether anyone heard of it or not.
    authorized: Mutex<HashSet<PaymentId>>,
    pub captured: Mutex<HashMap<PaymentId, Money>>,
    pub voided: Mutex<HashSet<PaymentId>>,
}

impl Bank {
    fn new(store: &Embedded) -> Self {
        Self {
            sandbox: Sandbox::new(Arc::new(store.clone())),
            authorized: Mutex::default(),
            captured: Mutex::default(),
            voided: Mutex::default(),
        }
    }

    fn note(&self, request: &PaymentRequest, answer: Authorization) {
        if matches!(answer, Authorization::Authorized { .. }) {
            self.authorized.lock().insert(request.payment);
        }
    }
}

#[async_trait]
impl PaymentProvider for Bank {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn accepts(&self, method: &str) -> bool {
        self.sandbox.accepts(method)
    }

    async fn authorize(&self, request: &PaymentRequest) -> Authorization {
        let answer = self.sandbox.authorize(request).await;
        self.note(request, answer);
        answer
    }

    async fn lookup(&self, request: &PaymentRequest) -> Lookup {
        let found = self.sandbox.lookup(request).await;
        if let Lookup::Found(answer) = found {
            self.note(request, answer);
        }
        found
    }

    async fn capture(&self, request: &PaymentRequest) -> Capture {
        let voided = self.voided.lock().contains(&request.payment);
        assert!(!voided, "a voided payment is not captured");
        self.captured.lock().insert(request.payment, request.amount);
        self.sandbox.capture(request).await
    }

    async fn void(&self, request: &PaymentRequest) -> Void {
        self.voided.lock().insert(request.payment);
        self.sandbox.void(request).await
    }

    fn next_action(&self, payment: PaymentId) -> (&'static str, String) {
        self.sandbox.next_action(payment)
    }
}

/// What the feed was told.
#[derive(Default)]
pub struct Told(Mutex<HashMap<OrderId, Purchase>>);

#[async_trait]
impl PurchaseSink for Told {
    async fn purchased(&self, purchase: Purchase) -> Result<(), StoreError> {
        let first = self.0.lock().entry(purchase.order).or_insert(purchase.clone()).clone();
        assert_eq!(first, purchase, "a repeated purchase is the same");
        Ok(())
    }
}

/// A shop with a few variants.
pub struct World {
    pub faults: Arc<Faults>,
    pub clock: Arc<SimClock>,
    pub entropy: Arc<SeededEntropy>,
    pub bank: Arc<Bank>,
    pub told: Arc<Told>,
    pub store: Embedded,
    pub shop: ShopApi,
    pub merchant: AccountId,
    pub variants: Vec<VariantId>,
    pub received: Mutex<HashMap<VariantId, i64>>,
}

impl World {
    /// `units` of each of `count` variants.
    pub async fn new(seed: u64, count: usize, units: u32) -> Self {
        let store = Embedded::in_memory().unwrap();
        let faults = Arc::new(Faults::none());
        let (bank, told) = (Arc::new(Bank::new(&store)), Arc::new(Told::default()));
        let sound = ShopBackends::embedded(&store);
        let wire = || Arc::clone(&faults);
        let provider = Arc::clone(&bank) as Arc<dyn PaymentProvider>;
        let heard = Arc::clone(&told) as Arc<dyn PurchaseSink>;
        let purchases = Arc::new(Faulty { inner: heard, faults: wire() });
        let backends = ShopBackends {
            catalog: Arc::new(store.clone()),
            inventory: Arc::new(Faulty { inner: sound.inventory, faults: wire() }),
            checkouts: Arc::new(Faulty { inner: sound.checkouts, faults: wire() }),
            orders: Arc::new(Faulty { inner: sound.orders, faults: wire() }),
            journal: Arc::new(Faulty { inner: sound.journal, faults: wire() }),
            providers: vec![Arc::new(Faulty { inner: provider, faults: wire() })],
            challenges: sound.challenges,
        };
        let clock = Arc::new(SimClock::new(START));
        let entropy = Arc::new(SeededEntropy::new(seed));
        let commons = Commons {
            accounts: Arc::new(store.clone()),
            changes: Arc::new(store.clone()),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::clone(&entropy) as _,
            signer: Arc::new(KeyRing::from_secret(&[7; 32])),
        };
        let shop = shop(&backends, &commons, Arc::default(), purchases, None);
        let merchant = AccountId::from_bits(1);
        let mut world = Self {
            faults,
            clock,
            entropy,
            bank,
            told,
            store,
            shop,
            merchant,
            variants: Vec::new(),
            received: Mutex::default(),
        };
        world.fill(count, units).await;
        world
    }

    async fn fill(&mut self, count: usize, units: u32) {
        let variant = |index: usize| VariantDraft {
            id: None,
            sku: format!("SKU-{index}"),
            gtin: None,
            title: String::new(),
            options: Vec::new(),
            price: Money::new(1_000 + index as i64, Currency::USD),
            compare_at: None,
        };
        let draft = ProductDraft {
            title: Some("Mug".into()),
            variants: Some((0..count).map(variant).collect()),
            ..ProductDraft::default()
        };
        let made = self.shop.catalog.create(self.merchant, draft, None).await.unwrap();
        self.variants = made.value.product.variants.iter().map(|variant| variant.id).collect();
        for index in 0..count {
            self.restock(index, units, &format!("first-{index}")).await;
        }
    }

    pub async fn restock(&self, index: usize, units: u32, key: &str) {
        let variant = self.variants[index];
        let edit = StockEdit::Delta(i64::from(units));
        let request = AdjustRequest { variant, edit, reason: StockReason::Restock };
        self.shop.inventory.adjust(self.merchant, request, &request_key(key, 0)).await.unwrap();
        *self.received.lock().entry(variant).or_default() += i64::from(units);
    }

    /// A request for (variant, units).
    pub fn wish(&self, lines: &[(usize, u32)]) -> OpenRequest {
        let line = |&(index, quantity): &(usize, u32)| LineRequest {
            variant: self.variants[index],
            quantity,
            quote: None,
            attribution_token: None,
        };
        OpenRequest {
            lines: lines.iter().map(line).collect(),
            email: "a@b.example".into(),
            shipping_address: Address {
                name: "A".into(),
                line1: "B".into(),
                line2: None,
                city: "C".into(),
                region: None,
                postal_code: "1".into(),
                country: "US".into(),
            },
            shipping_option: "standard".into(),
        }
    }

    /// Opens under a key, if the process lives to tell.
    pub async fn open(
        &self,
        buyer: AccountId,
        wish: &OpenRequest,
        key: &str,
    ) -> Option<Result<CheckoutId, CheckoutError>> {
        let key = request_key(key, 1);
        let work = self.shop.checkouts.open(buyer, wish, &key);
        self.faults.alive(Box::pin(work)).await.map(|answer| answer.map(|opened| opened.value.id))
    }

    /// Pays under a key, if the process lives to tell. `Ok(None)` while the buyer must act.
    pub async fn pay(
        &self,
        buyer: AccountId,
        id: CheckoutId,
        method: &str,
        key: &str,
    ) -> Option<Result<Option<OrderId>, CheckoutError>> {
        let pay = PayRequest { provider: "sandbox".into(), method: method.into() };
        let key = request_key(key, 2);
        let work = self.shop.checkouts.complete(buyer, id, &pay, &key);
        let answer = self.faults.alive(Box::pin(work)).await?;
        Some(answer.map(|done| done.value.order.map(|order| order.id)))
    }

    /// Lets the reconcilers work, faults and all.
    pub async fn reconcile(&self) {
        for reconciler in reconcilers(&self.shop) {
            drop(self.faults.alive(reconciler.activate()).await);
        }
    }

    /// No more faults; time passes until everything rests.
    pub async fn settle(&self) {
        self.faults.heal();
        for _ in 0..3 {
            self.clock.advance_ms(CHECKOUT_LEASE_MS);
            self.reconcile().await;
            self.clock.advance_ms(HOLD_TTL_MS);
            self.reconcile().await;
        }
        let due = CheckoutStore::due(&self.store, self.shop.checkouts.now(), 10).await.unwrap();
        assert_eq!(due, [], "everything rests");
    }

    /// What must hold once everything rests.
    pub async fn audit(&self) {
        let (laws, _) = self.shop.ledger.invariants().await.unwrap();
        for law in laws {
            assert!(law.violations.is_empty(), "{law:?}");
        }
        let orders = OrderStore::all(&self.store, None, usize::MAX).await.unwrap();
        let mut sold: HashMap<VariantId, i64> = HashMap::new();
        let mut paid = HashMap::new();
        for order in &orders {
            for line in &order.lines {
                *sold.entry(line.variant).or_default() += i64::from(line.quantity);
            }
            assert!(paid.insert(order.payment, order.totals.grand_total).is_none(), "one each");
            assert!(self.told.0.lock().contains_key(&order.id), "the feed was told");
            let row = CheckoutStore::get(&self.store, order.checkout).await.unwrap().unwrap();
            assert_eq!(row.attempt().map(|attempt| attempt.order), Some(order.id));
        }
        assert_eq!(self.told.0.lock().len(), orders.len(), "nothing else was told");
        // Never a charge without an order, never an order without its charge.
        let mut charged = self.bank.captured.lock().clone();
        charged.retain(|payment, _| !self.bank.voided.lock().contains(payment));
        assert_eq!(charged, paid);
        for payment in self.bank.authorized.lock().iter() {
            let ended = paid.contains_key(payment) || self.bank.voided.lock().contains(payment);
            assert!(ended, "no money stays reserved: {payment}");
        }
        for audit in InventoryStore::audit(&self.store, None, usize::MAX).await.unwrap() {
            let level = audit.level;
            assert_eq!(level.held, 0, "nothing is held for ever");
            let sold = sold.get(&audit.variant).copied().unwrap_or_default();
            let received = self.received.lock()[&audit.variant];
            assert_eq!(i64::from(level.on_hand) + sold, received, "no unit is made or lost");
        }
        let (balance, _) = self.shop.ledger.trial_balance().await.unwrap();
        let total: i64 = paid.values().map(|amount| amount.minor()).sum();
        assert_eq!(balance.totals(Currency::USD).debits, 2 * i128::from(total));
    }
}

/// A key whose body is the same whenever `body` is.
pub fn request_key(text: &str, body: u8) -> RequestKey {
    RequestKey { text: text.to_owned(), fingerprint: [body; 32] }
}
