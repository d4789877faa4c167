//! Steps of the ranking's history: only what ranking reads, since a lane begins with every clip there is.

use serde::{Deserialize, Serialize};

use crate::domain::account::Market;
use crate::domain::catalog::{Product, Variant};
use crate::domain::clip::{Clip, ClipMedia, ClipState};
use crate::domain::engagement::{COUNTERS, ClipCounters};
use crate::domain::id::{AccountId, ClipId, ProductId, TagId, UploadId, VariantId};
use crate::domain::money::{Currency, Money};
use crate::domain::ranking_step::{NotedStep, RankingStep};
use crate::domain::tag::ProductTag;
use crate::domain::time::Timestamp;
use crate::records::{Damaged, market};

#[derive(Serialize, Deserialize)]
enum Row {
    Filling,
    Clip {
        id: u128,
        creator: u128,
        hashtags: Vec<String>,
        /// Product and variant, 0 for any.
        tags: Vec<(u128, u128)>,
        markets: Vec<String>,
        duration_ms: u32,
        published_ms: i64,
    },
    Gone(u128),
    Product {
        id: u128,
        merchant: u128,
        category: String,
        active: bool,
        /// Variant and units.
        variants: Vec<(u128, u32)>,
    },
    Counted {
        clip: u128,
        decayed: [f32; COUNTERS],
        at_s: u32,
        shown: [u32; 3],
        heat: Vec<(String, f64)>,
    },
    Filled(u64),
    Learned {
        model: Option<String>,
        at_least: u64,
    },
}

fn codes(markets: &[Market]) -> Vec<String> {
    markets.iter().map(|market| market.code().to_owned()).collect()
}

fn clip_row(clip: &Clip) -> Row {
    // A clip that is not published is not there: that is the same as gone.
    let Some((media, published_at)) = clip.published() else { return Row::Gone(clip.id.bits()) };
    let tag = |tag: &ProductTag| (tag.product.bits(), tag.variant.map_or(0, VariantId::bits));
    Row::Clip {
        id: clip.id.bits(),
        creator: clip.creator.bits(),
        hashtags: clip.hashtags().iter().map(ToString::to_string).collect(),
        tags: clip.tags.iter().map(tag).collect(),
        markets: codes(&clip.markets),
        duration_ms: media.duration_ms,
        published_ms: published_at.unix_ms(),
    }
}

fn row(step: &RankingStep) -> Row {
    match step {
        RankingStep::Filling => Row::Filling,
        RankingStep::Clip(clip) => clip_row(clip),
        RankingStep::Gone(clip) => Row::Gone(clip.bits()),
        RankingStep::Product(product, available) => {
            let units = |variant: &Variant| {
                let found = available.iter().find(|(id, _)| *id == variant.id);
                (variant.id.bits(), found.map_or(0, |(_, units)| *units))
            };
            Row::Product {
                id: product.id.bits(),
                merchant: product.merchant.bits(),
                category: product.category.clone(),
                active: product.active,
                variants: product.variants.iter().map(units).collect(),
            }
        }
        RankingStep::Counted(clip, counters, heat) => Row::Counted {
            clip: clip.bits(),
            decayed: counters.decayed,
            at_s: counters.at_s,
            shown: [counters.plays, counters.likes, counters.shares],
            heat: heat.iter().map(|(market, heat)| (market.code().to_owned(), *heat)).collect(),
        },
        RankingStep::Filled(offset) => Row::Filled(*offset),
        RankingStep::Learned { model, at_least } => {
            Row::Learned { model: model.clone(), at_least: *at_least }
        }
    }
}

/// Writes a step behind others.
pub fn append(after: u64, step: &RankingStep, bytes: &mut Vec<u8>) {
    let written = rmp_serde::encode::write(bytes, &(after, row(step)));
    written.expect("writing to memory cannot fail");
}

/// The steps of bytes that [`append`] wrote.
pub fn decode(mut bytes: &[u8]) -> Result<Vec<NotedStep>, Damaged> {
    let mut steps = Vec::new();
    while !bytes.is_empty() {
        let mut reader = rmp_serde::Deserializer::new(bytes);
        let read = <(u64, Row)>::deserialize(&mut reader).map_err(Damaged::new)?;
        bytes = reader.into_inner();
        steps.push(NotedStep { after: read.0, step: step(read.1)? });
    }
    Ok(steps)
}

fn step(row: Row) -> Result<RankingStep, Damaged> {
    Ok(match row {
        Row::Filling => RankingStep::Filling,
        Row::Clip { id, creator, hashtags, tags, markets, duration_ms, published_ms } => {
            let markets = markets.iter().map(|code| market(code)).collect::<Result<_, _>>()?;
            let media = ClipMedia {
                prefix: String::new(),
                duration_ms,
                width: 0,
                height: 0,
                has_storyboard: false,
            };
            let published_at = Timestamp::from_unix_ms(published_ms);
            let caption = hashtags.iter().flat_map(|word| ["#", word, " "]).collect();
            RankingStep::Clip(Box::new(Clip {
                id: ClipId::from_bits(id),
                creator: AccountId::from_bits(creator),
                upload: UploadId::from_bits(0),
                caption,
                tags: tags.into_iter().map(tag).collect(),
                markets,
                state: ClipState::Ready { media, published_at },
                created_at: published_at,
                version: 0,
            }))
        }
        Row::Gone(clip) => RankingStep::Gone(ClipId::from_bits(clip)),
        Row::Product { id, merchant, category, active, variants } => {
            let units = variants.iter().map(|&(id, units)| (VariantId::from_bits(id), units));
            let units = units.collect();
            let product = Product {
                id: ProductId::from_bits(id),
                merchant: AccountId::from_bits(merchant),
                title: String::new(),
                description: String::new(),
                brand: String::new(),
                category,
                image_urls: Vec::new(),
                variants: variants.into_iter().map(|(id, _)| variant(id)).collect(),
                active,
                created_at: Timestamp::EPOCH,
                updated_at: Timestamp::EPOCH,
                version: 0,
            };
            RankingStep::Product(Box::new(product), units)
        }
        Row::Counted { clip, decayed, at_s, shown: [plays, likes, shares], heat } => {
            let counters = ClipCounters { decayed, at_s, plays, likes, shares };
            let heat = heat.into_iter().map(|(code, heat)| Ok((market(&code)?, heat)));
            let heat = heat.collect::<Result<_, Damaged>>()?;
            RankingStep::Counted(ClipId::from_bits(clip), counters, heat)
        }
        Row::Filled(offset) => RankingStep::Filled(offset),
        Row::Learned { model, at_least } => RankingStep::Learned { model, at_least },
    })
}

fn tag((product, variant): (u128, u128)) -> ProductTag {
    ProductTag {
        id: TagId::from_bits(0),
        product: ProductId::from_bits(product),
        variant: (variant != 0).then(|| VariantId::from_bits(variant)),
        start_ms: 0,
        end_ms: 0,
        hotspot: None,
    }
}

fn variant(id: u128) -> Variant {
    Variant {
        id: VariantId::from_bits(id),
        sku: String::new(),
        gtin: None,
        title: String::new(),
        options: Vec::new(),
        price: Money::new(0, Currency::USD),
        compare_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_back_in_their_order_and_say_nothing_more() {
        let steps = [
            RankingStep::Filling,
            step(Row::Product {
                id: 5,
                merchant: 6,
                category: "home/kitchen".into(),
                active: true,
                variants: vec![(7, 3), (8, 0)],
            })
            .unwrap(),
            step(Row::Clip {
                id: u128::MAX,
                creator: 2,
                hashtags: vec!["mug".into(), "töpfern".into()],
                tags: vec![(5, 0), (5, 7)],
                markets: vec!["DE".into()],
                duration_ms: 9_000,
                published_ms: 1_767_225_600_000,
            })
            .unwrap(),
            RankingStep::Counted(
                ClipId::from_bits(1),
                ClipCounters {
                    decayed: std::array::from_fn(|place| place as f32 / 3.0),
                    at_s: 1,
                    plays: 2,
                    likes: 3,
                    shares: 4,
                },
                vec![(Market::US, 6_512.1)],
            ),
            RankingStep::Filled(9),
            RankingStep::Gone(ClipId::from_bits(1)),
        ];
        let mut bytes = Vec::new();
        for (after, step) in (0..).zip(&steps) {
            append(after, step, &mut bytes);
        }
        let back = decode(&bytes).unwrap();
        let noted = |(after, step): (u64, &RankingStep)| NotedStep { after, step: step.clone() };
        assert_eq!(back, (0..).zip(&steps).map(noted).collect::<Vec<_>>());
        assert!(decode(&bytes[..bytes.len() - 1]).is_err(), "a torn one is damaged");
    }
}
