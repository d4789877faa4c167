//! What there is to watch and to buy: clips of an old catalogue and a flow of new ones, and products
//! with prices and stock.

use super::chance::Draw;
use super::people::{Creator, TOPIC_NAMES, TOPICS};
use crate::domain::catalog::{Product, Variant};
use crate::domain::clip::{Clip, ClipMedia, ClipState};
use crate::domain::id::{AccountId, ClipId, ProductId, TagId, UploadId, VariantId};
use crate::domain::money::{Currency, Money};
use crate::domain::tag::ProductTag;
use crate::domain::time::{DAY_MS, Timestamp};
use crate::feed::index::clip_key;

const CLIP: u64 = 3;
const PRODUCT: u64 = 4;

/// A product, and what only the world knows of it.
pub(super) struct Good {
    pub(super) product: Product,
    pub(super) topic: u8,
    /// Logarithm of the price over the usual one.
    pub(super) dearness: f64,
    /// How much people want it.
    pub(super) appeal: f64,
    /// Units on the first day, and after each delivery.
    pub(super) units: u32,
    /// Days between deliveries; 0 for what sells out for good.
    pub(super) delivered_every_days: u32,
}

/// The usual price in minor units.
const PRICE_MINOR: f64 = 3_000.0;

impl Good {
    pub(super) fn new(seed: u64, (number, of): (usize, usize), start: Timestamp) -> Self {
        let mut draw = Draw::of(&[seed, PRODUCT, number as u64]);
        let topic = draw.below(TOPICS);
        let price = draw.lognormal(PRICE_MINOR, 0.8).clamp(200.0, 200_000.0).round();
        let variant = Variant {
            id: VariantId::derived(draw.id_bits()),
            sku: format!("SKU-{number}"),
            gtin: None,
            title: String::new(),
            options: Vec::new(),
            price: Money::new(price as i64, Currency::USD),
            compare_at: None,
        };
        let merchant =
            Draw::of(&[seed, PRODUCT, u64::MAX, (number % (of / 12 + 1)) as u64]).id_bits();
        let product = Product {
            id: ProductId::derived(draw.id_bits()),
            merchant: AccountId::derived(merchant),
            title: format!("{} thing {number}", TOPIC_NAMES[topic]),
            description: String::new(),
            brand: String::new(),
            category: format!("shop/{}", TOPIC_NAMES[topic]),
            image_urls: Vec::new(),
            variants: vec![variant],
            active: true,
            created_at: start,
            updated_at: start,
            version: 1,
        };
        Self {
            product,
            topic: topic as u8,
            dearness: (price / PRICE_MINOR).ln(),
            appeal: draw.normal() * 0.6,
            units: draw.lognormal(8.0, 0.8).clamp(1.0, 500.0) as u32,
            delivered_every_days: if draw.happens(0.5) { 3 + draw.below(5) as u32 } else { 0 },
        }
    }

    /// The price in minor units.
    pub(super) fn price_minor(&self) -> i64 {
        self.product.cheapest().map_or(0, |variant| variant.price.minor())
    }
}

/// A clip, and what only the world knows of it.
pub(super) struct Film {
    pub(super) clip: Clip,
    pub(super) key: u64,
    pub(super) creator: u32,
    pub(super) published_at: Timestamp,
    /// What it is about, and how much of it.
    pub(super) topics: [(u8, f32); 2],
    /// How good it is, whoever watches.
    pub(super) quality: f64,
    pub(super) duration_ms: u32,
    /// What can be bought.
    pub(super) goods: Vec<u32>,
    /// Whether it came after the first day began.
    pub(super) is_new: bool,
}

/// Days that the old catalogue goes back.
const OLD_DAYS: f64 = 60.0;
/// Fewest clips that a creator begins with, and how many more there may be.
const OLD_CLIPS: (usize, usize) = (4, 9);

/// What clips are made of.
pub(super) struct Studio<'a> {
    pub(super) seed: u64,
    pub(super) start: Timestamp,
    pub(super) days: u32,
    pub(super) goods: &'a [Good],
    by_topic: Vec<Vec<u32>>,
}

impl<'a> Studio<'a> {
    pub(super) fn new(seed: u64, (start, days): (Timestamp, u32), goods: &'a [Good]) -> Self {
        let mut by_topic = vec![Vec::new(); TOPICS];
        for (number, good) in goods.iter().enumerate() {
            by_topic[usize::from(good.topic)].push(number as u32);
        }
        Self { seed, start, days, goods, by_topic }
    }

    /// All clips of a creator.
    pub(super) fn films(&self, number: u32, creator: &Creator, into: &mut Vec<Film>) {
        let mut draw = Draw::of(&[self.seed, CLIP, u64::from(number)]);
        let day = DAY_MS as f64;
        for _ in 0..OLD_CLIPS.0 + draw.below(OLD_CLIPS.1) {
            let age_ms = 1 + (draw.uniform() * OLD_DAYS * day) as i64;
            into.push(self.film(&mut draw, (number, creator), -age_ms));
        }
        for today in 0..self.days {
            let mut count = creator.rate.floor() as usize;
            count += usize::from(draw.happens(creator.rate.fract()));
            for _ in 0..count {
                let after_ms = i64::from(today) * DAY_MS + (draw.uniform() * day) as i64;
                into.push(self.film(&mut draw, (number, creator), after_ms));
            }
        }
    }

    fn film(&self, draw: &mut Draw, (number, creator): (u32, &Creator), after_ms: i64) -> Film {
        let published_at = self.start.plus_ms(after_ms);
        let subject = creator.subjects[usize::from(draw.happens(0.2))];
        let aside = draw.below(TOPICS) as u8;
        let duration_ms = draw.lognormal(18_000.0, 0.5).clamp(5_000.0, 120_000.0) as u32;
        let goods = self.choose_goods(draw, subject);
        let id = ClipId::new(published_at, draw.id_bits());
        let tag = |(place, &good): (usize, &u32)| ProductTag {
            id: TagId::derived(id.bits().rotate_left(place as u32 + 1)),
            product: self.goods[good as usize].product.id,
            variant: None,
            start_ms: 0,
            end_ms: duration_ms,
            hotspot: None,
        };
        // One caption in ten names something else than what is to be seen.
        let named = if draw.happens(0.9) { subject } else { draw.below(TOPICS) as u8 };
        let word = |topic: u8| TOPIC_NAMES[usize::from(topic)];
        let caption =
            format!("#{} #{} #{}_{}", word(named), word(aside), word(subject), draw.below(5));
        let media = ClipMedia {
            prefix: String::new(),
            duration_ms,
            width: 1_080,
            height: 1_920,
            has_storyboard: false,
        };
        let is_local = draw.happens(0.12);
        let clip = Clip {
            id,
            creator: creator.account.id,
            upload: UploadId::from_bits(1),
            caption,
            tags: goods.iter().enumerate().map(tag).collect(),
            markets: if is_local { vec![creator.account.market] } else { Vec::new() },
            state: ClipState::Ready { media, published_at },
            created_at: published_at,
            version: 1,
        };
        Film {
            key: clip_key(id),
            clip,
            creator: number,
            published_at,
            topics: [(subject, 0.85), (aside, 0.15)],
            quality: creator.quality + draw.normal() * 0.8,
            duration_ms,
            goods,
            is_new: after_ms >= 0,
        }
    }

    /// Products that suit the subject, for nearly half of the clips.
    fn choose_goods(&self, draw: &mut Draw, subject: u8) -> Vec<u32> {
        let shelf = &self.by_topic[usize::from(subject)];
        let wanted = usize::from(draw.happens(0.45)) * (1 + usize::from(draw.happens(0.15)));
        let mut chosen: Vec<u32> = Vec::with_capacity(wanted);
        for _ in 0..wanted {
            let place = draw.below(shelf.len());
            chosen.extend(shelf.get(place).filter(|good| !chosen.contains(good)));
        }
        chosen
    }
}
