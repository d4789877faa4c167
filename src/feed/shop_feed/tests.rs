//! Every listed stage against its law, and the pipeline as a whole, over a seeded little world.

use std::collections::BTreeSet;

use async_trait::async_trait;
use parking_lot::RwLock;

use super::*;
use crate::domain::account::Market;
use crate::domain::catalog::{Product, Variant};
use crate::domain::clip::{Clip, ClipMedia, ClipState};
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{AccountId, ClipId, EventId, ProductId, TagId, UploadId, VariantId};
use crate::domain::money::{Currency, Money};
use crate::domain::tag::ProductTag;
use crate::domain::time::{HOUR_MS, Timestamp};
use crate::feed::candidate::{Candidate, SourceKind};
use crate::feed::index::{Index, SHOPPABLE, clip_key};
use crate::feed::laws;
use crate::feed::query::{FeedQuery, ShownFace, Surface, Walk};
use crate::feed::stage::{Batch, Scorer, StageError};
use crate::feed::user::UserState;
use crate::ports::events::LoggedEvent;
use crate::ranking::diversity::Budget;
use crate::ranking::explore::Dice;

const NOW: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

fn clip(number: u128, dice: &mut Dice) -> Clip {
    let media = ClipMedia {
        prefix: format!("clips/{number}/1"),
        duration_ms: 5_000 + dice.below(20_000) as u32,
        width: 1_080,
        height: 1_920,
        has_storyboard: false,
    };
    let tag = |index: u128, product: u128| ProductTag {
        id: TagId::from_bits(index),
        product: ProductId::from_bits(1_000_000 + product),
        variant: None,
        start_ms: 0,
        end_ms: 1,
        hotspot: None,
    };
    let tags = dice.below(7) as u128;
    let published_at = NOW.plus_ms(-(dice.below(600) as i64) * HOUR_MS);
    Clip {
        id: ClipId::from_bits(number),
        creator: AccountId::from_bits(2_000_000 + dice.below(12) as u128),
        upload: UploadId::from_bits(1),
        caption: format!("#t{} #u{}", dice.below(9), dice.below(5)),
        tags: (0..tags).map(|index| tag(index, dice.below(20) as u128)).collect(),
        markets: if dice.below(5) == 0 { vec![Market::new("DE").unwrap()] } else { Vec::new() },
        state: ClipState::Ready { media, published_at },
        created_at: NOW,
        version: 1,
    }
}

fn event(offset: u64, dice: &mut Dice, clips: usize) -> LoggedEvent {
    const KINDS: [EventKind; 5] = [
        EventKind::Watch { watch_ms: 9_000, loops: 0 },
        EventKind::Watch { watch_ms: 500, loops: 0 },
        EventKind::Like,
        EventKind::Impression,
        EventKind::TagTap,
    ];
    LoggedEvent {
        offset,
        viewer: AccountId::from_bits(9),
        market: Market::US,
        at: NOW,
        event: Event {
            id: EventId(u128::from(offset)),
            kind: KINDS[dice.below(KINDS.len())],
            clip: Some(ClipId::from_bits(1 + dice.below(clips) as u128)),
            creator: None,
            product: None,
            slate: None,
            position: None,
            occurred_at: NOW,
        },
    }
}

fn world(clips: usize, seed: u64) -> (SharedIndex, UserState) {
    let mut dice = Dice::new(seed);
    let mut index = Index::new();
    let mut user = UserState::new(Market::US, true);
    for number in 1..=clips as u128 {
        index.set_clip(&clip(number, &mut dice));
    }
    for offset in 1..=2 * clips as u64 {
        let event = event(offset, &mut dice, clips);
        index.apply(&event);
        if offset % 20 == 0 {
            user.apply(&event, &mut index);
        }
    }
    let mut follow = event(3 * clips as u64, &mut dice, clips);
    for (kind, creator) in [(EventKind::Follow, 3), (EventKind::HideCreator, 4)] {
        follow.offset += 1;
        follow.event.kind = kind;
        follow.event.clip = None;
        follow.event.creator = Some(AccountId::from_bits(2_000_000 + creator));
        user.apply(&follow, &mut index);
    }
    (Arc::new(RwLock::new(index)), user)
}

fn query(index: &SharedIndex, user: UserState, limit: usize, seed: u64) -> FeedQuery {
    let user = Arc::new(RwLock::new(user));
    let mut query = FeedQuery::new(AccountId::from_bits(9), user, NOW, limit);
    query.seed = seed;
    query.walk = Walk::new(index.read().capacity(), seed);
    query
}

async fn hydrated(pipeline: &Pipeline, query: &mut FeedQuery) -> Vec<Candidate> {
    for hydrator in &pipeline.query_hydrators {
        hydrator.hydrate(query).await.unwrap();
    }
    let mut candidates = Vec::new();
    let mut once = BTreeSet::new();
    for listed in &pipeline.sources {
        let batch = listed.source.fetch(query, listed.limit).await.unwrap();
        laws::check_batch(listed.source.kind().as_str(), &batch, listed.limit);
        let kind = listed.source.kind();
        let fresh = batch.found.iter().filter(|found| once.insert(found.ordinal));
        candidates.extend(fresh.map(|found| Candidate::new(*found, kind)));
    }
    for hydrator in &pipeline.hydrators {
        hydrator.hydrate(query, &mut candidates);
    }
    candidates
}

#[tokio::test]
async fn every_listed_stage_keeps_its_law() {
    for seed in 0..6 {
        let (index, user) = world(400, seed);
        for (surface, pipeline) in
            [(Surface::ForYou, for_you(&index)), (Surface::Following, following(&index))]
        {
            let mut query = query(&index, user.clone(), 20, seed);
            query.surface = surface;
            let mut candidates = hydrated(&pipeline, &mut query).await;
            assert!(candidates.len() > 10, "{}", candidates.len());
            let some: Vec<u64> = candidates.iter().step_by(3).map(|one| one.found.key).collect();
            query.served = Arc::new(some.into_iter().collect());
            for filter in &pipeline.filters {
                laws::check_filter(&**filter, &query, &candidates);
            }
            for scorer in &pipeline.scorers {
                laws::check_scorer(&**scorer, &query, &candidates);
            }
            pipeline.scorers[0].score(&query, &mut candidates).unwrap();
            laws::check_selector(&*pipeline.selector, &query, &candidates);
        }
    }
}

/// Walks a session to its end as the service does.
async fn walk(
    pipeline: &Pipeline,
    index: &SharedIndex,
    query: &mut FeedQuery,
) -> Vec<Vec<Candidate>> {
    let mut pages = Vec::new();
    loop {
        let slate = pipeline.run(query).await;
        assert!(!slate.page.is_empty() || slate.exhausted, "an empty page that is not the last");
        let served = Arc::make_mut(&mut query.served);
        for one in &slate.page {
            assert!(served.insert(one.found.key), "a clip was shown twice");
            query.shown.push(ShownFace::of(&index.read(), one.found.ordinal));
        }
        query.not_after = slate.page.last().map(|one| one.row.published_at()).or(query.not_after);
        query.walk = slate.walk.clone();
        query.seed += 1;
        pages.push(slate.page);
        if slate.exhausted {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_session_walked_to_its_end_shows_every_eligible_clip_once() {
    for (clips, limit, seed) in [(0, 10, 0), (7, 10, 1), (900, 10, 2), (2_500, 50, 3)] {
        let (index, user) = world(clips, seed);
        let mut query = query(&index, user.clone(), limit, seed);
        let pages = walk(&for_you(&index), &index, &mut query).await;
        let shown: BTreeSet<u64> = pages.iter().flatten().map(|one| one.found.key).collect();
        let index = index.read();
        let allowed = index.allowed_sets(Market::US);
        let eligible: BTreeSet<u64> = index
            .newest()
            .map(|ordinal| *index.row(ordinal))
            .filter(|row| allowed[usize::from(row.market_set)])
            .filter(|row| !user.has_seen(row.key, query.now_s()) && !user.blocks(row.creator))
            .filter(|row| row.flags & crate::feed::index::UNSELLABLE == 0)
            .map(|row| row.key)
            .collect();
        assert_eq!(shown, eligible, "{clips} clips");
    }
}

/// Whatever is left, no window holds more than the viewer wants, and everything else is shown all the same.
#[tokio::test]
async fn the_budget_holds_in_every_window_of_a_session_to_its_end() {
    for (share, limit) in [(0, 10), (300_000, 7), (300_000, 50), (500_000, 20), (949_999, 10)] {
        let (index, mut user) = world(900, 11);
        for number in 0..20 {
            index.write().set_product(&product(1_000_000 + number), |_| 3);
        }
        user.budget = Budget::new(share);
        for (surface, pipeline) in
            [(Surface::ForYou, for_you(&index)), (Surface::Following, following(&index))]
        {
            let mut query = query(&index, user.clone(), limit, 3);
            query.surface = surface;
            let pages = walk(&pipeline, &index, &mut query).await;
            let shown: Vec<bool> =
                pages.iter().flatten().map(|one| one.row.flags & SHOPPABLE != 0).collect();
            for end in 1..=shown.len() {
                let window = &shown[end.saturating_sub(20)..end];
                let sells = window.iter().filter(|sells| **sells).count() as u64;
                let most = window.len() as u64 * u64::from(share) / 1_000_000;
                assert!(
                    sells <= most,
                    "{share} {surface:?}: {sells} in the {} up to {end}",
                    window.len()
                );
            }
            let plain = shown.iter().filter(|sells| !**sells).count();
            query.budget = Budget::default();
            query.served = Arc::default();
            query.shown.clear();
            query.not_after = None;
            query.walk = Walk::new(index.read().capacity(), 3);
            let all = walk(&pipeline, &index, &mut query).await;
            let plain_too = all.iter().flatten().filter(|one| one.row.flags & SHOPPABLE == 0);
            assert_eq!(
                plain,
                plain_too.count(),
                "{share} {surface:?}: only what sells is held back"
            );
            assert!(plain > 0 && (share == 0 || shown.len() > plain), "{share} {surface:?}");
        }
    }
}

fn product(number: u128) -> Product {
    Product {
        id: ProductId::from_bits(number),
        merchant: AccountId::from_bits(3_000_000 + number % 3),
        title: "Mug".into(),
        description: String::new(),
        brand: String::new(),
        category: "home".into(),
        image_urls: Vec::new(),
        variants: vec![Variant {
            id: VariantId::from_bits(number + 1_000),
            sku: "S".into(),
            gtin: None,
            title: "One".into(),
            options: Vec::new(),
            price: Money::new(1_999, Currency::USD),
            compare_at: None,
        }],
        active: true,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}

#[tokio::test]
async fn the_following_surface_is_in_strict_order_of_time_and_complete() {
    let (index, user) = world(2_000, 5);
    let mut query = query(&index, user.clone(), 7, 5);
    query.surface = Surface::Following;
    let pages = walk(&following(&index), &index, &mut query).await;
    let shown: Vec<(i64, u64)> =
        pages.iter().flatten().map(|one| (one.row.published_ms, one.found.key)).collect();
    let index = index.read();
    let allowed = index.allowed_sets(Market::US);
    let creator = index.known(2_000_003).unwrap();
    let mut expected: Vec<(i64, u64)> = index
        .clips_of(creator)
        .iter()
        .map(|&ordinal| *index.row(ordinal))
        .filter(|row| allowed[usize::from(row.market_set)])
        .filter(|row| !user.has_seen(row.key, query.now_s()))
        .filter(|row| row.flags & crate::feed::index::UNSELLABLE == 0)
        .map(|row| (row.published_ms, row.key))
        .collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert!(expected.len() > 14);
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn windows_of_ten_are_varied_and_the_page_repeats_itself() {
    let (index, user) = world(900, 8);
    let pipeline = for_you(&index);
    let first = pipeline.run(&mut query(&index, user.clone(), 30, 8)).await;
    let again = pipeline.run(&mut query(&index, user.clone(), 30, 8)).await;
    assert_eq!(first.page, again.page);
    let other = pipeline.run(&mut query(&index, user, 30, 9)).await;
    assert_ne!(first.page, other.page);
    for window in first.page.windows(10) {
        for one in window {
            let same = window.iter().filter(|other| other.row.creator == one.row.creator);
            assert!(same.count() <= 2);
            let products = index.read().products(one.found.ordinal);
            let shares = |other: &&Candidate| {
                let others = index.read().products(other.found.ordinal);
                products.iter().any(|product| others.contains(product))
            };
            let sharing = window.iter().filter(shares).count();
            assert!(products.is_empty() || sharing <= 1, "{sharing}");
        }
    }
    let explored = first.page.iter().filter(|one| one.source == SourceKind::Explore);
    assert!(explored.clone().count() >= 1);
    assert!(explored.into_iter().all(|one| one.propensity > 0.0 && one.propensity <= 1.0));
}

struct Broken;

#[async_trait]
impl CandidateSource for Broken {
    fn kind(&self) -> SourceKind {
        SourceKind::Trending
    }

    async fn fetch(&self, _: &FeedQuery, _: usize) -> Result<Batch, StageError> {
        Err(StageError::Broken("on purpose".into()))
    }
}

struct Silent;

#[async_trait]
impl CandidateSource for Silent {
    fn kind(&self) -> SourceKind {
        SourceKind::Interest
    }

    async fn fetch(&self, _: &FeedQuery, _: usize) -> Result<Batch, StageError> {
        std::future::pending().await
    }
}

impl Scorer for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn score(&self, _: &FeedQuery, _: &mut [Candidate]) -> Result<(), StageError> {
        Err(StageError::Broken("on purpose".into()))
    }
}

#[tokio::test]
async fn failed_and_silent_sources_cost_their_candidates_not_the_page() {
    let (index, user) = world(300, 1);
    let mut pipeline = for_you(&index);
    let whole = pipeline.run(&mut query(&index, user.clone(), 10, 1)).await;
    assert!(!whole.degraded);
    pipeline.sources.insert(0, listed(Silent, 10));
    pipeline.sources.push(listed(Broken, 10));
    pipeline.source_deadline = Duration::from_millis(5);
    let slate = pipeline.run(&mut query(&index, user.clone(), 10, 1)).await;
    assert_eq!(slate.page, whole.page);
    assert!(slate.degraded && !slate.exhausted);

    let mut pipeline = for_you(&index);
    pipeline.scorers.insert(0, Arc::new(Broken));
    let slate = pipeline.run(&mut query(&index, user, 10, 1)).await;
    assert!(slate.degraded);
    assert_eq!(slate.page.len(), 10);
}

#[tokio::test]
async fn a_removed_clip_is_not_shown_even_if_a_session_kept_its_number() {
    let (index, user) = world(40, 2);
    let pipeline = for_you(&index);
    let mut query = query(&index, user, 5, 2);
    let first = pipeline.run(&mut query).await;
    query.walk = first.walk;
    let kept = query.walk.leftovers[0];
    let id = index.read().clip_id(kept.ordinal).unwrap();
    index.write().remove_clip(id);
    let mut dice = Dice::new(99);
    index.write().set_clip(&clip(5_000, &mut dice));
    assert_eq!(index.read().ordinal(ClipId::from_bits(5_000)), Some(kept.ordinal));
    query.limit = 100;
    let rest = pipeline.run(&mut query).await;
    assert!(rest.page.iter().all(|one| one.found.key != clip_key(id)));
}

#[tokio::test]
async fn without_personalisation_all_viewers_get_the_same() {
    let (index, mut user) = world(300, 4);
    let mut unhide = event(10_000, &mut Dice::new(1), 300);
    unhide.event.kind = EventKind::UnhideCreator;
    unhide.event.clip = None;
    unhide.event.creator = Some(AccountId::from_bits(2_000_004));
    user.apply(&unhide, &mut index.write());
    user.personalised = false;
    let stranger = UserState::new(Market::US, false);
    let mut one = query(&index, user, 20, 4);
    let mut other = query(&index, stranger, 20, 4);
    other.viewer = AccountId::from_bits(10);
    let pipeline = for_you(&index);
    let (one, other) = (pipeline.run(&mut one).await, pipeline.run(&mut other).await);
    assert_eq!(one.page, other.page);
    assert_eq!(one.page.len(), 20);
}

/// What the first scorer predicts of each candidate, by head of the value model.
async fn finishes(index: &SharedIndex, viewer: u128) -> Vec<(u128, f32)> {
    let pipeline = for_you(index);
    let user = UserState::new(Market::US, true);
    let mut query = query(index, user, 10, 1);
    query.viewer = AccountId::from_bits(viewer);
    let candidates = hydrated(&pipeline, &mut query).await;
    let finish = |one: &Candidate| {
        let inputs = pipeline.scorers[0].inputs(&query, one).unwrap();
        let clip = index.read().clip_id(one.found.ordinal).unwrap();
        (clip.bits(), inputs.heads[crate::ranking::value::Head::Finish as usize])
    };
    let mut all: Vec<(u128, f32)> = candidates.iter().map(finish).collect();
    all.sort_unstable_by_key(|(clip, _)| *clip);
    all
}

#[tokio::test]
async fn heads_decide_once_they_know_and_only_while_they_make_sense() {
    let mut dice = Dice::new(5);
    let mut index = Index::new();
    for number in 1..=30 {
        index.set_clip(&clip(number, &mut dice));
    }
    let index = Arc::new(RwLock::new(index));
    let before = finishes(&index, 1).await;
    // Every viewer watches clips of the own parity to the end and leaves the others.
    for view in 1..=2_500_u64 {
        let mut event = event(view, &mut dice, 30);
        let (viewer, number) = (view % 10 + 1, 1 + dice.below(30) as u64);
        let likes = viewer % 2 == number % 2;
        event.viewer = AccountId::from_bits(viewer.into());
        event.event.clip = Some(ClipId::from_bits(number.into()));
        let watch_ms = if likes { 30_000 } else { 400 };
        event.event.kind = EventKind::Impression;
        event.offset = 2 * view - 1;
        index.write().apply(&event);
        event.event.kind = EventKind::Watch { watch_ms, loops: 0 };
        event.offset = 2 * view;
        index.write().apply(&event);
    }
    let (odd, even) = (finishes(&index, 1).await, finishes(&index, 2).await);
    assert_eq!(before.len(), odd.len());
    for (&(clip, of_odd), &(_, of_even)) in odd.iter().zip(&even) {
        let (fond, averse) = if clip % 2 == 1 { (of_odd, of_even) } else { (of_even, of_odd) };
        assert!(fond > 0.6 && averse < 0.4, "{clip}: {fond} and {averse}");
    }
    // Heads that make no sense are not asked: what is left is what was counted of each clip.
    let mut astray = index.read().learned().clone();
    astray.lose_its_way();
    let applied = index.read().applied();
    index.write().start_learned(astray, applied);
    assert_eq!(finishes(&index, 1).await, finishes(&index, 2).await);
}
