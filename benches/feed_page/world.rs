//! A seeded corpus: clips with one or two tags, their creators, products and events.

use vitrine::domain::account::{Account, Market};
use vitrine::domain::catalog::{Product, Variant};
use vitrine::domain::clip::{Clip, ClipMedia, ClipState};
use vitrine::domain::event::{Event, EventKind};
use vitrine::domain::id::{AccountId, ClipId, EventId, ProductId, TagId, UploadId, VariantId};
use vitrine::domain::money::{Currency, Money};
use vitrine::domain::tag::{Hotspot, ProductTag};
use vitrine::domain::time::{DAY_MS, Timestamp};
use vitrine::ports::events::LoggedEvent;
use vitrine::ranking::explore::Dice;
use vitrine::ranking::order::mix;

use crate::support::START;

/// 128 bits that look like a random id's.
fn bits(kind: u64, number: usize) -> u128 {
    let low = mix(number as u64 ^ (kind << 48));
    (u128::from(mix(low)) << 64) | u128::from(low)
}

pub fn clip_id(number: usize) -> ClipId {
    ClipId::derived(bits(1, number))
}

pub fn creator(number: usize) -> Account {
    let id = AccountId::derived(bits(2, number));
    Account::unnamed(id, Market::US, START)
}

pub fn product(number: usize) -> Product {
    let variant = |index: usize| Variant {
        id: VariantId::derived(bits(4, number * 4 + index)),
        sku: format!("SKU-{number}-{index}"),
        gtin: None,
        title: "Oak, large".into(),
        options: vec![("colour".into(), "oak".into())],
        price: Money::new(1_999 + number as i64 % 500, Currency::USD),
        compare_at: None,
    };
    Product {
        id: ProductId::derived(bits(3, number)),
        merchant: AccountId::derived(bits(5, number % 100)),
        title: format!("Enamel camping mug number {number}"),
        description: "Holds tea.".into(),
        brand: "Nord".into(),
        category: format!("home/kitchen-{}", number % 40),
        image_urls: vec![format!("https://shop.example/media/images/med_{number:026}.jpg")],
        variants: (0..2).map(variant).collect(),
        active: true,
        created_at: START,
        updated_at: START,
        version: 1,
    }
}

pub fn clip(number: usize, corpus: usize) -> Clip {
    let mut dice = Dice::new(mix(number as u64));
    let id = clip_id(number);
    let media = ClipMedia {
        prefix: format!("clips/{id}/1"),
        duration_ms: 6_000 + dice.below(40_000) as u32,
        width: 1_080,
        height: 1_920,
        has_storyboard: true,
    };
    let tags = 1 + dice.below(2);
    let mut tag = |index: usize| ProductTag {
        id: TagId::derived(bits(6, number * 2 + index)),
        product: product_id(dice.below(corpus / 10 + 1)),
        variant: None,
        start_ms: 0,
        end_ms: 8_000,
        hotspot: Hotspot::from_fractions(0.42, 0.61),
    };
    let tags = (0..tags).map(&mut tag).collect();
    let caption = format!(
        "How I pack for a weekend by the lake, part {number} #camping{} #mug{} #weekend",
        dice.below(200),
        dice.below(50)
    );
    let published_at = START.plus_ms(-(dice.below(60) as i64) * DAY_MS - number as i64);
    Clip {
        id,
        creator: creator(dice.below(corpus / 20 + 1)).id,
        upload: UploadId::from_bits(1),
        caption,
        tags,
        markets: Vec::new(),
        state: ClipState::Ready { media, published_at },
        created_at: START,
        version: 1,
    }
}

fn product_id(number: usize) -> ProductId {
    ProductId::derived(bits(3, number))
}

/// What viewer after viewer does; low numbers are popular.
pub fn event(offset: usize, corpus: usize) -> LoggedEvent {
    let mut dice = Dice::new(mix(offset as u64 ^ 0x5eed));
    let skewed = (dice.uniform().powi(3) * corpus as f32) as usize;
    let kind = match dice.below(10) {
        0 => EventKind::Like,
        1 => EventKind::TagTap,
        2 => EventKind::Share,
        _ => EventKind::Watch { watch_ms: 1_000 + dice.below(20_000) as u32, loops: 0 },
    };
    LoggedEvent {
        offset: offset as u64,
        viewer: AccountId::from_bits(1),
        market: Market::US,
        at: START.plus_ms(-(dice.below(5) as i64) * DAY_MS),
        event: of_clip(clip_id(skewed.min(corpus - 1)), kind, offset, START),
    }
}

/// An event on a clip.
pub fn of_clip(clip: ClipId, kind: EventKind, number: usize, at: Timestamp) -> Event {
    Event {
        id: EventId(number as u128 + 1),
        kind,
        clip: Some(clip),
        creator: None,
        product: None,
        slate: None,
        position: None,
        occurred_at: at,
    }
}

/// One clip in view and watched.
pub fn view(viewer: usize, round: usize, corpus: usize) -> [Event; 2] {
    let mut dice = Dice::new(mix((viewer * 1_000 + round) as u64 ^ 0x7669_6577));
    let clip = clip_id(dice.below(corpus));
    let watch = EventKind::Watch { watch_ms: 1_000 + dice.below(20_000) as u32, loops: 0 };
    [EventKind::Impression, watch].map(|kind| of_clip(clip, kind, viewer * 1_000 + round, START))
}

/// An event of a viewer as the log has it.
pub fn logged(offset: u64, viewer: usize, event: Event) -> LoggedEvent {
    let viewer = AccountId::from_bits(1_000_000 + viewer as u128);
    LoggedEvent { offset, viewer, market: Market::US, at: START.plus_ms(offset as i64), event }
}

/// What one viewer did before: the history of someone with tastes.
pub fn history(viewer: usize, corpus: usize) -> Vec<Event> {
    let mut dice = Dice::new(mix(viewer as u64 ^ 0x4157));
    let one = |number: usize| {
        let clip = clip_id(dice.below(corpus));
        let kind = match number % 6 {
            0 => EventKind::Like,
            1 => EventKind::TagTap,
            _ => EventKind::Watch { watch_ms: 12_000, loops: 0 },
        };
        of_clip(clip, kind, number, START)
    };
    (0..60).map(one).collect()
}
