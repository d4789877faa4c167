//! The index against a plain model: whatever is put in, changed and removed, its lists agree.

use proptest::prelude::*;

use super::*;
use crate::domain::clip::{ClipMedia, ClipState};
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{EventId, ProductId, TagId, UploadId};
use crate::domain::money::{Currency, Money};
use crate::domain::tag::{Hotspot, ProductTag};
use crate::ports::events::LoggedEvent;

fn product(number: u128, active: bool) -> Product {
    Product {
        id: ProductId::from_bits(number),
        merchant: AccountId::from_bits(1),
        title: "Mug \"M\"".into(),
        description: String::new(),
        brand: String::new(),
        category: format!("home/{}", number % 3),
        image_urls: vec!["https://img.test/1.jpg".into()],
        variants: vec![crate::domain::catalog::Variant {
            id: VariantId::from_bits(number + 1_000),
            sku: "S".into(),
            gtin: None,
            title: "One".into(),
            options: Vec::new(),
            price: Money::new(1_999, Currency::USD),
            compare_at: None,
        }],
        active,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
        version: 1,
    }
}

fn clip(number: u128, creator: u128, products: &[u128], published_ms: i64) -> Clip {
    let media = ClipMedia {
        prefix: format!("clips/{number}/1"),
        duration_ms: 10_000,
        width: 1_080,
        height: 1_920,
        has_storyboard: number.is_multiple_of(2),
    };
    let tag = |&product: &u128| ProductTag {
        id: TagId::from_bits(product),
        product: ProductId::from_bits(product),
        variant: None,
        start_ms: 0,
        end_ms: 8_000,
        hotspot: None,
    };
    Clip {
        id: ClipId::from_bits(number),
        creator: AccountId::from_bits(creator),
        upload: UploadId::from_bits(1),
        caption: format!("Hello #tag{} \"quoted\"", number % 4),
        tags: products.iter().map(tag).collect(),
        markets: Vec::new(),
        state: ClipState::Ready { media, published_at: Timestamp::from_unix_ms(published_ms) },
        created_at: Timestamp::EPOCH,
        version: 1,
    }
}

fn like(offset: u64, clip: u128, at_ms: i64) -> LoggedEvent {
    LoggedEvent {
        offset,
        viewer: AccountId::from_bits(7),
        market: Market::US,
        at: Timestamp::from_unix_ms(at_ms),
        event: Event {
            id: EventId(u128::from(offset)),
            kind: EventKind::Like,
            clip: Some(ClipId::from_bits(clip)),
            creator: None,
            product: None,
            slate: None,
            position: None,
            occurred_at: Timestamp::from_unix_ms(at_ms),
        },
    }
}

fn json_of(index: &Index, id: u128) -> serde_json::Value {
    let mut out = vec![b'{'];
    index.write_clip(index.ordinal(ClipId::from_bits(id)).unwrap(), "http://x/m", &mut out);
    out.push(b'}');
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_tag_is_shown_as_the_api_says() {
    let mut index = Index::new();
    index.set_product(&product(5, true), |_| 3);
    let mut tagged = clip(2, 1, &[5, 5], 0);
    tagged.tags[1].variant = Some(VariantId::from_bits(1_005));
    tagged.tags[1].hotspot = Hotspot::from_fractions(0.42, 1.0);
    index.set_clip(&tagged);
    let mut shown = json_of(&index, 2)["product_tags"].clone();
    for tag in shown.as_array_mut().unwrap() {
        assert!(tag.as_object_mut().unwrap().remove("card").is_some());
    }
    let expected = |tag: &ProductTag| {
        serde_json::json!({
            "id": tag.id.to_string(),
            "product_id": tag.product.to_string(),
            "variant_id": tag.variant.map(|id| id.to_string()),
            "start_ms": tag.start_ms,
            "end_ms": tag.end_ms,
            "hotspot": tag.hotspot.map(|_| serde_json::json!({"x": 0.42, "y": 1})),
        })
    };
    assert_eq!(shown, tagged.tags.iter().map(expected).collect::<serde_json::Value>());
}

#[test]
fn a_filled_index_is_the_same_as_one_that_grew() {
    let fill = |index: &mut Index| {
        for number in 1..=60 {
            index.set_product(&product(100 + number % 7, true), |_| 3);
            // Times go up and down, and every third clip comes twice, the second time earlier.
            for at in [number * 7_919 % 61, number * 104_729 % 59] {
                if at == 0 || number % 3 == 0 || at % 2 == 1 {
                    let products = [100 + number % 7, 100 + at % 5];
                    index.set_clip(&clip(number, number % 5, &products, at as i64));
                }
            }
        }
        index.remove_clip(ClipId::from_bits(9));
    };
    let (mut grown, mut filled) = (Index::new(), Index::new());
    fill(&mut grown);
    filled.begin_filling();
    fill(&mut filled);
    filled.end_filling();
    assert!(filled.len() > 30);
    for entity in 0..40 {
        assert_eq!(filled.clips_of(entity), grown.clips_of(entity), "{entity}");
    }
}

#[test]
fn a_clip_is_shown_as_the_api_says() {
    let mut index = Index::new();
    index.set_creator(&Account::unnamed(AccountId::from_bits(1), Market::US, Timestamp::EPOCH));
    index.set_product(&product(5, true), |_| 3);
    index.set_clip(&clip(2, 1, &[5], 1_700_000_000_120));
    index.apply(&like(1, 2, 0));
    let shown = json_of(&index, 2);
    assert_eq!(shown["clip"]["caption"], "Hello #tag2 \"quoted\"");
    assert_eq!(shown["clip"]["published_at"], "2023-11-14T22:13:20.120Z");
    assert_eq!(shown["clip"]["playback"]["storyboard_url"], "http://x/m/storyboard.jpg");
    assert_eq!(shown["clip"]["stats"], serde_json::json!({"plays": 0, "likes": 1, "shares": 0}));
    let card = &shown["product_tags"][0]["card"];
    assert_eq!(card["title"], "Mug \"M\"");
    assert_eq!(card["price"]["amount"], 1_999);
    assert_eq!(card["availability"], "low_stock");

    index.set_product(&product(5, true), |_| 0);
    assert_eq!(json_of(&index, 2)["product_tags"][0]["card"]["availability"], "sold_out");
    assert_eq!(index.row(0).flags, SHOPPABLE | SOLD_OUT);
    index.set_product(&product(5, false), |_| 9);
    assert_eq!(json_of(&index, 2)["product_tags"], serde_json::json!([]));
    assert_eq!(index.row(0).flags, UNSELLABLE);
}

#[test]
fn a_clip_moves_with_its_product_to_another_category() {
    let mut index = Index::new();
    index.set_clip(&clip(1, 1, &[5], 5));
    assert_eq!(index.row(0).category, NONE, "the product came late");
    index.set_product(&product(5, true), |_| 3);
    let first = index.row(0).category;
    assert_eq!(index.clips_of(first), [0]);
    let moved = Product { category: "garden".into(), ..product(5, true) };
    index.set_product(&moved, |_| 3);
    let second = index.row(0).category;
    assert_ne!(first, second);
    assert_eq!((index.clips_of(first), index.clips_of(second)), (&[][..], &[0][..]));
    index.remove_clip(ClipId::from_bits(1));
    assert!(index.clips_of(second).is_empty());
}

#[test]
fn markets_limit_where_a_clip_is_allowed() {
    let mut index = Index::new();
    let germany = Market::new("DE").unwrap();
    let mut local = clip(1, 1, &[], 5);
    local.markets = vec![germany];
    index.set_clip(&local);
    index.set_clip(&clip(2, 1, &[], 6));
    let allowed = |market| {
        let sets = index.allowed_sets(market);
        [0, 1].map(|ordinal| sets[usize::from(index.row(ordinal).market_set)])
    };
    assert_eq!(allowed(Market::US), [false, true]);
    assert_eq!(allowed(germany), [true, true]);
}

#[test]
fn a_snapshot_and_the_tail_give_what_the_whole_log_gives() {
    let clips = [clip(1, 1, &[], 5), clip(2, 1, &[], 6), clip(3, 2, &[], 7)];
    let log: Vec<LoggedEvent> =
        (1..=30).map(|offset| like(offset, u128::from(offset % 3) + 1, offset as i64)).collect();
    let build = || {
        let mut index = Index::new();
        for clip in &clips {
            index.set_clip(clip);
        }
        index
    };
    let mut whole = build();
    for event in &log {
        whole.apply(event);
    }

    let mut first = build();
    for event in &log[..20] {
        first.apply(event);
    }
    let (rows, offset) = (first.drain_dirty(), first.applied());
    assert_eq!(rows.len(), 3);
    assert!(first.drain_dirty().is_empty());
    let mut second = build();
    for row in &rows {
        second.restore(row);
    }
    second.restored_to(offset);
    for event in &log {
        second.apply(event);
    }
    for ordinal in 0..3 {
        assert_eq!(second.counters(ordinal), whole.counters(ordinal));
    }
    let hottest = |index: &Index| index.hottest(Market::US).collect::<Vec<_>>();
    assert_eq!(hottest(&second), hottest(&whole));
}

proptest! {
    /// After any history every list holds exactly the present clips, each once, in its order.
    #[test]
    fn lists_agree_with_the_clips_that_are_there(
        steps in proptest::collection::vec((0_u128..30, 0_u128..4, 0_u128..6, 0_i64..50, 0_u8..10), 0..200)
    ) {
        let mut index = Index::new();
        let mut model: std::collections::BTreeMap<u128, Clip> = std::collections::BTreeMap::new();
        for (offset, (number, creator, tagged, published, action)) in steps.into_iter().enumerate() {
            match action {
                0..=4 => {
                    let products: Vec<u128> = (100..100 + tagged).collect();
                    let clip = clip(number, creator, &products, published);
                    index.set_clip(&clip);
                    model.insert(number, clip);
                }
                5..=7 => {
                    index.remove_clip(ClipId::from_bits(number));
                    model.remove(&number);
                }
                _ => index.apply(&like(offset as u64 + 1, number, published)),
            }
        }
        prop_assert_eq!(index.len(), model.len());
        let ids = |ordinals: Vec<u32>| -> Vec<u128> {
            ordinals.into_iter().map(|ordinal| index.clip_id(ordinal).unwrap().bits()).collect()
        };
        let newest: Vec<u32> = index.newest().collect();
        prop_assert!(newest.iter().map(|&o| index.row(o).published_ms).is_sorted_by(|a, b| a >= b));
        let mut all = ids(newest);
        all.sort_unstable();
        prop_assert_eq!(&all, &model.keys().copied().collect::<Vec<_>>());
        let mut owed = ids(index.owed(Timestamp::from_unix_ms(i64::MIN)).collect());
        owed.sort_unstable();
        prop_assert_eq!(&owed, &all);
        for creator in 0..4_u128 {
            let mut found = index.known(creator).map_or(Vec::new(), |e| ids(index.clips_of(e).to_vec()));
            found.sort_unstable();
            let expected = model.values().filter(|clip| clip.creator.bits() == creator);
            prop_assert_eq!(found, expected.map(|clip| clip.id.bits()).collect::<Vec<_>>());
        }
        for product in 100..106_u128 {
            let mut found = index.known(product).map_or(Vec::new(), |e| ids(index.clips_of(e).to_vec()));
            found.sort_unstable();
            let shows = |clip: &&Clip| clip.tags.iter().any(|tag| tag.product.bits() == product);
            let expected = model.values().filter(shows).map(|clip| clip.id.bits());
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }
        for ordinal in index.hottest(Market::US) {
            prop_assert!(index.clip_id(ordinal).is_some());
        }
    }
}
