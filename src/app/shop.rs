//! The shop's part of the composition: its backends, its services and its reconcilers.

use std::sync::Arc;

use crate::adapters::embedded::Embedded;
use crate::adapters::payments::sandbox::Sandbox;
use crate::domain::policy::ShopPolicy;
use crate::http::shop::ShopApi;
use crate::ports::accounts::AccountStore;
use crate::ports::catalog::CatalogStore;
use crate::ports::changes::ChangeLog;
use crate::ports::checkouts::CheckoutStore;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::inventory::InventoryStore;
use crate::ports::journal::Journal;
use crate::ports::orders::OrderStore;
use crate::ports::payments::{ChallengeStore, PaymentProvider};
use crate::ports::purchases::PurchaseSink;
use crate::ports::signer::Signer;
use crate::services::catalog::{Catalog, CatalogPorts};
use crate::services::checkout::{CheckoutPorts, Checkouts};
use crate::services::inventory::Inventory;
use crate::services::ledger::Ledger;
use crate::services::orders::Orders;
use crate::services::preview::{Preview, PreviewPorts};
use crate::services::sandbox::SandboxBank;
use crate::services::shelf_cache::ShelfCache;
use crate::worker::reconcilers::{
    ExpireCheckouts, ForgetAdjustments, ForgetChallenges, ForgetFinishedCheckouts, Reconciler,
    ReleaseExpiredHolds, ResolveUnknownPayments,
};

/// Everything outside that only the shop needs.
#[derive(Clone)]
pub struct ShopBackends {
    /// Products.
    pub catalog: Arc<dyn CatalogStore>,
    /// Stock.
    pub inventory: Arc<dyn InventoryStore>,
    /// Checkouts.
    pub checkouts: Arc<dyn CheckoutStore>,
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// Who takes money.
    pub providers: Vec<Arc<dyn PaymentProvider>>,
    /// The sandbox's challenges and their answers.
    pub challenges: Arc<dyn ChallengeStore>,
}

impl ShopBackends {
    /// The shop over the embedded store, paid through the sandbox.
    pub fn embedded(store: &Embedded) -> Self {
        Self::over(store)
    }

    /// The shop over one store for everything, paid through the sandbox.
    pub fn over<S>(store: &S) -> Self
    where
        S: CatalogStore
            + InventoryStore
            + CheckoutStore
            + OrderStore
            + Journal
            + ChallengeStore
            + Clone
            + 'static,
    {
        let challenges: Arc<dyn ChallengeStore> = Arc::new(store.clone());
        Self {
            catalog: Arc::new(store.clone()),
            inventory: Arc::new(store.clone()),
            checkouts: Arc::new(store.clone()),
            orders: Arc::new(store.clone()),
            journal: Arc::new(store.clone()),
            providers: vec![Arc::new(Sandbox::new(Arc::clone(&challenges)))],
            challenges,
        }
    }
}

/// What the shop shares with the other halves.
#[derive(Clone)]
pub struct Commons {
    /// Profiles.
    pub accounts: Arc<dyn AccountStore>,
    /// What changed.
    pub changes: Arc<dyn ChangeLog>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Signatures.
    pub signer: Arc<dyn Signer>,
}

/// Puts the shop's services over their backends; `purchases` hears of each placed order, and previews read
/// through `shelf` where there is one.
pub fn shop(
    backends: &ShopBackends,
    commons: &Commons,
    policy: Arc<ShopPolicy>,
    purchases: Arc<dyn PurchaseSink>,
    shelf: Option<Arc<ShelfCache>>,
) -> ShopApi {
    let ShopBackends { catalog, inventory, checkouts, orders, journal, .. } = backends.clone();
    let Commons { accounts, changes, clock, entropy, signer } = commons.clone();
    let (shown, sellers): (Arc<dyn CatalogStore>, Arc<dyn AccountStore>) = match shelf {
        Some(shelf) => (Arc::clone(&shelf) as _, shelf),
        None => (Arc::clone(&catalog), accounts),
    };
    let sheets = PreviewPorts {
        catalog: shown,
        inventory: Arc::clone(&inventory),
        accounts: sellers,
        clock: Arc::clone(&clock),
        signer: Arc::clone(&signer),
    };
    let shelf = CatalogPorts {
        catalog: Arc::clone(&catalog),
        inventory: Arc::clone(&inventory),
        changes: Arc::clone(&changes),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
        signer: Arc::clone(&signer),
    };
    let till = CheckoutPorts {
        checkouts,
        inventory: Arc::clone(&inventory),
        catalog: Arc::clone(&catalog),
        orders: Arc::clone(&orders),
        journal: Arc::clone(&journal),
        purchases,
        changes: Arc::clone(&changes),
        clock: Arc::clone(&clock),
        entropy,
        signer: Arc::clone(&signer),
        providers: backends.providers.clone(),
    };
    let bank = SandboxBank::new(Arc::clone(&backends.challenges), Arc::clone(&clock));
    let stock = Inventory::new(
        Arc::clone(&inventory),
        catalog,
        changes,
        Arc::clone(&clock),
        Arc::clone(&signer),
    );
    ShopApi {
        catalog: Arc::new(Catalog::new(shelf, Arc::clone(&policy))),
        inventory: Arc::new(stock),
        preview: Arc::new(Preview::new(sheets, Arc::clone(&policy))),
        checkouts: Arc::new(Checkouts::new(till, policy)),
        orders: Arc::new(Orders::new(Arc::clone(&orders), Arc::clone(&signer))),
        ledger: Arc::new(Ledger::new(journal, orders, inventory, clock, signer)),
        sandbox: Arc::new(bank),
    }
}

/// What must become true in the shop, in no order.
pub fn reconcilers(shop: &ShopApi) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(ReleaseExpiredHolds::new(Arc::clone(&shop.inventory))),
        Arc::new(ResolveUnknownPayments::new(Arc::clone(&shop.checkouts))),
        Arc::new(ExpireCheckouts::new(Arc::clone(&shop.checkouts))),
        Arc::new(ForgetFinishedCheckouts::new(Arc::clone(&shop.checkouts))),
        Arc::new(ForgetAdjustments::new(Arc::clone(&shop.inventory))),
        Arc::new(ForgetChallenges::new(Arc::clone(&shop.sandbox))),
    ]
}
