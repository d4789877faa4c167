//! All that a buyer sees after a tap on a product card, in one round trip.

use std::sync::Arc;

use crate::domain::account::{Account, Market};
use crate::domain::catalog::{Product, Variant};
use crate::domain::id::{ProductId, VariantId};
use crate::domain::limits::QUOTE_TTL_MS;
use crate::domain::policy::ShopPolicy;
use crate::domain::quote::Quote;
use crate::domain::stock::StockLevel;
use crate::domain::time::Timestamp;
use crate::ports::accounts::AccountStore;
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;
use crate::ports::inventory::InventoryStore;
use crate::ports::signer::{Purpose, Signer};
use crate::services::signed;

/// What a product sheet shows. `levels` and `quotes` are in the order of the variants.
#[derive(Clone, Debug)]
pub struct ProductSheet {
    /// The product.
    pub product: Product,
    /// What is left.
    pub levels: Vec<StockLevel>,
    /// Signed promises of the prices.
    pub quotes: Vec<String>,
    /// When the promises end.
    pub quote_expires_at: Timestamp,
    /// The shop's name.
    pub seller_name: String,
    /// Delivery and returns.
    pub policy: Arc<ShopPolicy>,
}

/// Everything outside that a preview needs.
pub struct PreviewPorts {
    /// Products.
    pub catalog: Arc<dyn CatalogStore>,
    /// Stock.
    pub inventory: Arc<dyn InventoryStore>,
    /// Who sells.
    pub accounts: Arc<dyn AccountStore>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Signs quotes.
    pub signer: Arc<dyn Signer>,
}

/// Shows product sheets.
pub struct Preview {
    ports: PreviewPorts,
    policy: Arc<ShopPolicy>,
}

impl Preview {
    /// Previews under this policy.
    pub const fn new(ports: PreviewPorts, policy: Arc<ShopPolicy>) -> Self {
        Self { ports, policy }
    }

    /// The sheet of a product on the shelf; `None` if there is no such thing.
    pub async fn show(&self, id: ProductId) -> Result<Option<ProductSheet>, StoreError> {
        let found = self.ports.catalog.get(id).await?;
        let Some(product) = found.filter(|product| product.active) else { return Ok(None) };
        let variants: Vec<VariantId> = product.variants.iter().map(|variant| variant.id).collect();
        let levels = self.ports.inventory.levels(&variants).await?;
        let now = self.ports.clock.now();
        let seller = self.ports.accounts.get(product.merchant).await?;
        let seller = seller
            .unwrap_or_else(|| Account::unnamed(product.merchant, Market::US, Timestamp::EPOCH));
        let signer = self.ports.signer.as_ref();
        let quote = |variant: &Variant| {
            let quote = Quote::given(variant.id, variant.price, now);
            signed::seal(signer, Purpose::Quote, &quote.to_bytes())
        };
        Ok(Some(ProductSheet {
            quotes: product.variants.iter().map(quote).collect(),
            quote_expires_at: now.plus_ms(QUOTE_TTL_MS),
            seller_name: seller.seller_name().to_owned(),
            policy: Arc::clone(&self.policy),
            product,
            levels,
        }))
    }
}
