//! Products and creators as the page shows them. They are shared by clips, so that a new price or name
//! is one change however many clips show it.

use rustc_hash::FxHashMap;

use crate::domain::account::Account;
use crate::domain::catalog::{Availability, Product};
use crate::domain::id::{ProductId, VariantId};
use crate::domain::money::Money;
use crate::feed::index::rows::Entity;
use crate::feed::json;

/// What a card shows of one variant, or of the product as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    price: Money,
    compare_at: Option<Money>,
    availability: Availability,
}

/// A product on the shelf, or taken off it.
#[derive(Debug)]
pub(super) struct Shelved {
    /// Which.
    pub id: ProductId,
    /// False once it was taken off: its tags are not shown.
    pub active: bool,
    /// Whose it is.
    pub merchant: Entity,
    /// Its category.
    pub category: Entity,
    /// JSON texts.
    title: Box<str>,
    image: Box<str>,
    /// The cheapest variant with the best availability.
    any: Offer,
    variants: Box<[(VariantId, Offer)]>,
}

impl Shelved {
    /// What is shown of `product`; `available` tells units per variant. `None` for a product without a
    /// variant, which cannot be sold.
    pub(super) fn new(
        product: &Product,
        (merchant, category): (Entity, Entity),
        available: impl Fn(VariantId) -> u32,
    ) -> Option<Self> {
        let cheapest = product.cheapest()?;
        let offer = |variant: &crate::domain::catalog::Variant| Offer {
            price: variant.price,
            compare_at: variant.compare_at,
            availability: Availability::of(available(variant.id)),
        };
        let variants: Box<[_]> =
            product.variants.iter().map(|variant| (variant.id, offer(variant))).collect();
        let best = variants.iter().map(|(_, offer)| offer.availability).max();
        let any = Offer { availability: best.unwrap_or(Availability::SoldOut), ..offer(cheapest) };
        let image = product.image_urls.first();
        Some(Self {
            id: product.id,
            active: product.active,
            merchant,
            category,
            title: json::text(&product.title).into(),
            image: image.map_or_else(|| "null".into(), |url| json::text(url).into()),
            any,
            variants,
        })
    }

    fn offer(&self, variant: Option<VariantId>) -> &Offer {
        let found =
            variant.and_then(|wanted| self.variants.iter().find(|(variant, _)| *variant == wanted));
        found.map_or(&self.any, |(_, offer)| offer)
    }

    /// Whether the tag's variant, or any if it names none, can be bought.
    pub(super) fn availability(&self, variant: Option<VariantId>) -> Availability {
        self.offer(variant).availability
    }

    /// Writes the card of a tag. There are no ratings yet: a count of zero says so.
    pub(super) fn write_card(&self, variant: Option<VariantId>, out: &mut Vec<u8>) {
        let offer = self.offer(variant);
        out.extend_from_slice(b"{\"title\":");
        out.extend_from_slice(self.title.as_bytes());
        out.extend_from_slice(b",\"price\":");
        json::write_money(offer.price, out);
        out.extend_from_slice(b",\"compare_at\":");
        match offer.compare_at {
            Some(money) => json::write_money(money, out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"image_url\":");
        out.extend_from_slice(self.image.as_bytes());
        out.extend_from_slice(b",\"availability\":\"");
        out.extend_from_slice(offer.availability.as_str().as_bytes());
        out.extend_from_slice(b"\",\"rating\":{\"average\":0.0,\"count\":0}}");
    }
}

/// All products and creators.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) products: FxHashMap<Entity, Shelved>,
    creators: FxHashMap<Entity, Box<str>>,
}

impl Shelf {
    pub(super) fn set_creator(&mut self, entity: Entity, account: &Account) {
        let text = format!(
            "{{\"id\":\"{}\",\"handle\":{},\"display_name\":{}}}",
            account.id,
            json::text(&account.handle),
            json::text(&account.display_name)
        );
        self.creators.insert(entity, text.into());
    }

    pub(super) fn knows_creator(&self, entity: Entity) -> bool {
        self.creators.contains_key(&entity)
    }

    pub(super) fn creator(&self, entity: Entity) -> &str {
        self.creators.get(&entity).map_or("null", |text| text)
    }
}
