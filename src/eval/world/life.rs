//! The course of time under one policy.
//!
//! A queue holds the next instant of every viewer. At that instant the viewer comes back, or looks at
//! the next clip; pages are asked for when the last one is through. Clips are published and goods
//! delivered as their time comes. A viewer leaves sooner and returns later the less was worth watching.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use rustc_hash::{FxHashMap, FxHashSet};

use super::World;
use super::chance::{Draw, uniform};
use super::oracle::{Before, TrueValues};
use super::policy::Maker;
use super::reaction::Reaction;
use super::tally::Tallies;
use crate::domain::event::{Event, EventKind};
use crate::domain::id::{EventId, SlateId};
use crate::domain::limits::{BUDGET_WINDOW, FEED_PAGE_LEN_DEFAULT};
use crate::domain::time::{DAY_MS, HOUR_MS, Timestamp};
use crate::eval::cost::cpu_seconds;
use crate::feed::index::{Index, SharedIndex, clip_key};
use crate::feed::query::{FeedQuery, ShownFace, Walk};
use crate::feed::user::{SharedUser, UserState};
use crate::ports::events::LoggedEvent;
use crate::ranking::order::mix;

const SESSION: u64 = 7;
const LEAVE: u64 = 8;
const GAP: u64 = 9;
const JUDGE: u64 = 10;

/// Value of a clip that keeps a viewer in an even mood.
const USUAL_VALUE: f64 = 0.6;
/// Clips after which a patient viewer leaves in an even mood.
const USUAL_CLIPS: f64 = 22.0;
/// Clips of one session at most.
const SESSION_CLIPS_MAX: u32 = 300;
/// One page in so many is compared with the best that could be had.
const JUDGED_OF: f64 = 0.25;
/// A swipe.
const SWIPE_MS: i64 = 600;

/// A viewer as the world sees it.
struct Watcher {
    user: SharedUser,
    /// Creators that are followed, by their numbers.
    follows: FxHashSet<u32>,
    session: Option<Session>,
    sessions: u32,
    /// What clips were worth of late, over sessions.
    mood: f64,
}

/// A session, as the service keeps one.
struct Session {
    number: u32,
    seed: u64,
    pages: u32,
    served: Arc<FxHashSet<u64>>,
    shown: Vec<ShownFace>,
    walk: Option<Walk>,
    is_over: bool,
    slate: SlateId,
    /// Clips of the page that are not watched yet, with their places.
    ahead: VecDeque<(u32, u32)>,
    clips: u32,
    value: f64,
    /// What clips were worth of late.
    pleasure: f64,
}

/// Lives through all days; `day_ended` is told how much is done, 0 to 1.
pub(super) async fn live(
    world: &World,
    build: impl FnOnce(&SharedIndex) -> Maker,
    day_ended: &mut dyn FnMut(f32),
) -> Tallies {
    let began = cpu_seconds();
    let mut life = Life::new(world, build);
    let mut day = 0;
    day_ended(0.0);
    while let Some(Reverse((at_ms, viewer))) = life.queue.pop() {
        let at = Timestamp::from_unix_ms(at_ms);
        if at >= world.end() {
            break;
        }
        if world.day(at) > day {
            day = world.day(at);
            day_ended(day as f32 / world.days as f32);
        }
        life.bring_up_to(at);
        let next = life.step(viewer, at).await;
        life.queue.push(Reverse((next.unix_ms(), viewer)));
    }
    life.tallies.left = life.stock;
    life.tallies.all_seconds = cpu_seconds() - began;
    life.tallies
}

struct Life<'a> {
    world: &'a World,
    index: SharedIndex,
    maker: Maker,
    watchers: Vec<Watcher>,
    stock: Vec<u32>,
    /// Of the clips that are published, in their order.
    ordinals: Vec<u32>,
    films: FxHashMap<u64, u32>,
    /// What is delivered when, the first at the end.
    deliveries: Vec<(i64, u32)>,
    /// The next instant of each viewer.
    queue: BinaryHeap<Reverse<(i64, u32)>>,
    offset: u64,
    truth: TrueValues,
    tallies: Tallies,
}

impl<'a> Life<'a> {
    fn new(world: &'a World, build: impl FnOnce(&SharedIndex) -> Maker) -> Self {
        let index = Arc::new(RwLock::new(Index::new()));
        let watcher = |viewer: &super::people::Viewer| Watcher {
            user: Arc::new(RwLock::new(UserState::new(viewer.market, true))),
            follows: FxHashSet::default(),
            session: None,
            sessions: 0,
            mood: USUAL_VALUE,
        };
        let first = |(number, viewer): (usize, &super::people::Viewer)| {
            Reverse((viewer.joins_at.unix_ms(), number as u32))
        };
        let films = world.films.iter().enumerate();
        let life = Self {
            maker: build(&index),
            index,
            watchers: world.viewers.iter().map(watcher).collect(),
            stock: world.goods.iter().map(|good| good.units).collect(),
            ordinals: Vec::with_capacity(world.films.len()),
            films: films.map(|(number, film)| (film.key, number as u32)).collect(),
            deliveries: deliveries(world),
            queue: world.viewers.iter().enumerate().map(first).collect(),
            offset: 0,
            truth: TrueValues::new(world),
            tallies: Tallies::new(world),
            world,
        };
        {
            let mut index = life.index.write();
            for creator in &world.creators {
                index.set_creator(&creator.account);
            }
            for good in &world.goods {
                index.set_product(&good.product, |_| good.units);
            }
        }
        life
    }

    /// Publishes and delivers what is due.
    fn bring_up_to(&mut self, at: Timestamp) {
        while let Some(film) = self.world.films.get(self.ordinals.len())
            && film.published_at <= at
        {
            let mut index = self.index.write();
            index.set_clip(&film.clip);
            self.ordinals.extend(index.ordinal(film.clip.id));
        }
        while let Some((_, good)) = self.deliveries.pop_if(|(due_ms, _)| *due_ms <= at.unix_ms()) {
            let units = &mut self.stock[good as usize];
            *units = (*units).max(self.world.goods[good as usize].units);
            self.show_stock(good);
        }
    }

    /// Lets the index know how many units there are.
    fn show_stock(&self, good: u32) {
        let units = self.stock[good as usize];
        let product = &self.world.goods[good as usize].product;
        self.index.write().set_product(product, |_| units);
    }

    /// What a viewer does next; answers when something comes after it.
    async fn step(&mut self, viewer: u32, at: Timestamp) -> Timestamp {
        if self.watchers[viewer as usize].session.is_none() {
            self.come(viewer, at);
        }
        let mut next = self.next_film(viewer);
        if next.is_none() {
            self.ask_for_page(viewer, at).await;
            next = self.next_film(viewer);
        }
        let Some((film, place)) = next else { return self.leave(viewer, at) };
        let reaction = self.watch((viewer, at), film, place);
        let after = at.plus_ms(i64::from(reaction.watch_ms) + SWIPE_MS);
        if self.has_enough(viewer, reaction.value()) { self.leave(viewer, after) } else { after }
    }

    fn next_film(&mut self, viewer: u32) -> Option<(u32, u32)> {
        self.watchers[viewer as usize].session.as_mut()?.ahead.pop_front()
    }

    fn come(&mut self, viewer: u32, at: Timestamp) {
        let watcher = &mut self.watchers[viewer as usize];
        let number = watcher.sessions;
        let parts = [self.world.seed, SESSION, u64::from(viewer), u64::from(number)];
        let mut draw = Draw::of(&parts);
        watcher.sessions += 1;
        watcher.session = Some(Session {
            number,
            seed: draw.id_bits() as u64,
            pages: 0,
            served: Arc::default(),
            shown: Vec::new(),
            walk: None,
            is_over: false,
            slate: SlateId::new(at, draw.id_bits()),
            ahead: VecDeque::new(),
            clips: 0,
            value: 0.0,
            pleasure: watcher.mood,
        });
        let tally = &mut self.tallies.viewers[viewer as usize];
        tally.sessions += 1;
        tally.came[self.world.day(at) as usize] = true;
    }

    /// Makes the next page as the service does.
    async fn ask_for_page(&mut self, viewer: u32, at: Timestamp) {
        let watcher = &mut self.watchers[viewer as usize];
        let Some(session) = watcher.session.as_mut().filter(|session| !session.is_over) else {
            return;
        };
        let person = &self.world.viewers[viewer as usize];
        let mut query = FeedQuery::new(
            person.id,
            Arc::clone(&watcher.user),
            at,
            FEED_PAGE_LEN_DEFAULT as usize,
        );
        query.seed = mix(session.seed ^ u64::from(session.pages));
        query.served = Arc::clone(&session.served);
        query.shown.clone_from(&session.shown);
        query.walk = session
            .walk
            .take()
            .unwrap_or_else(|| Walk::new(self.index.read().capacity(), session.seed));
        let (world, number) = (self.world, u64::from(session.number));
        let parts = [world.seed, JUDGE, u64::from(viewer), number, u64::from(session.pages)];
        let is_judged = uniform(&parts) < JUDGED_OF;
        let before = Before { viewer, at, follows: &watcher.follows, stock: &self.stock };
        let began = cpu_seconds();
        let page: Vec<u32> = match &self.maker {
            Maker::Stages(pipeline) => {
                let slate = pipeline.run(&mut query).await;
                session.is_over = slate.exhausted;
                session.walk = Some(slate.walk);
                let film = |one: &crate::feed::candidate::Candidate| self.films.get(&one.found.key);
                slate.page.iter().filter_map(film).copied().collect()
            }
            Maker::Oracle => {
                let index = self.index.read();
                let page = self.truth.page(world, &index, (&query, before), &self.ordinals);
                page.into_iter().map(|(film, _)| film).collect()
            }
        };
        self.tallies.page_seconds += cpu_seconds() - began;
        let index = self.index.read();
        if is_judged && !page.is_empty() {
            let best = self.truth.page(world, &index, (&query, before), &self.ordinals);
            let best = best.iter().take(page.len()).map(|&(_, value)| f64::from(value)).sum();
            let had = page.iter().map(|&film| world.odds(before, film).value()).sum();
            self.tallies.judge((viewer, world.day(at)), (best, had), page.len());
        }
        self.tallies.note_page(world, viewer, &page);
        session.turn_to(&page, (at, &index, &self.ordinals));
    }

    /// Watches a clip, and lets what is done act on the viewer's state and the index.
    fn watch(&mut self, (viewer, at): (u32, Timestamp), film: u32, place: u32) -> Reaction {
        let world = self.world;
        let watcher = &self.watchers[viewer as usize];
        let before = Before { viewer, at, follows: &watcher.follows, stock: &self.stock };
        let moment = world.moment(before, film);
        let reaction = world.odds(before, film).draw(world.seed, (viewer, film, world.day(at)));
        let mut spent_minor = 0;
        if let Some((good, true)) = moment.good.filter(|_| reaction.buys) {
            let units = &mut self.stock[good as usize];
            *units = units.checked_sub(1).expect("nothing is bought that is not there");
            spent_minor = world.goods[good as usize].price_minor();
            self.show_stock(good);
        }
        let good = moment.good.map(|(good, _)| good);
        self.record((viewer, at), (film, place), &reaction, good);
        if reaction.follows {
            let creator = world.films[film as usize].creator;
            self.watchers[viewer as usize].follows.insert(creator);
        }
        self.tallies.note(world, (viewer, film, at), &reaction, spent_minor);
        reaction
    }

    /// Takes in the events of a clip as the service does with those of the log.
    fn record(
        &mut self,
        (viewer, at): (u32, Timestamp),
        (film, place): (u32, u32),
        reaction: &Reaction,
        good: Option<u32>,
    ) {
        let world = self.world;
        let person = &world.viewers[viewer as usize];
        let clip = &world.films[film as usize].clip;
        let watcher = &self.watchers[viewer as usize];
        let slate = watcher.session.as_ref().map(|session| session.slate);
        let mut index = self.index.write();
        let mut user = watcher.user.write();
        let duration_ms = world.films[film as usize].duration_ms;
        for kind in kinds(reaction, duration_ms, good.is_some()) {
            self.offset += 1;
            let names_creator = matches!(kind, EventKind::Follow | EventKind::HideCreator);
            let is_shop = matches!(
                kind,
                EventKind::TagImpression
                    | EventKind::TagTap
                    | EventKind::AddToCart
                    | EventKind::Purchase
            );
            let product = good.filter(|_| is_shop);
            let event = Event {
                id: EventId(u128::from(self.offset)),
                kind,
                clip: Some(clip.id),
                creator: names_creator.then_some(clip.creator),
                product: product.map(|good| world.goods[good as usize].product.id),
                slate,
                position: Some(place),
                occurred_at: at,
            };
            let (offset, market) = (self.offset, person.market);
            let logged = LoggedEvent { offset, viewer: person.id, market, at, event };
            user.apply(&logged, &mut index);
            index.apply(&logged);
        }
    }

    /// Whether the viewer leaves after a clip of that value.
    fn has_enough(&mut self, viewer: u32, value: f64) -> bool {
        let watcher = &mut self.watchers[viewer as usize];
        let Some(session) = watcher.session.as_mut() else { return true };
        session.clips += 1;
        session.value += value;
        session.pleasure = 0.85 * session.pleasure + 0.15 * value.clamp(-2.0, 4.0);
        let patience = self.world.viewers[viewer as usize].patience;
        let usual = 1.0 / (USUAL_CLIPS * patience);
        let hazard = (usual * (-0.9 * (session.pleasure - USUAL_VALUE)).exp()).clamp(0.004, 0.5);
        let (number, clips) = (u64::from(session.number), u64::from(session.clips));
        let parts = [self.world.seed, LEAVE, u64::from(viewer), number, clips];
        session.clips >= SESSION_CLIPS_MAX || uniform(&parts) < hazard
    }

    /// Ends the session; answers when the viewer comes back.
    fn leave(&mut self, viewer: u32, at: Timestamp) -> Timestamp {
        let watcher = &mut self.watchers[viewer as usize];
        let person = &self.world.viewers[viewer as usize];
        let session = watcher.session.take();
        let (number, clips, value) =
            session.map_or((0, 0, 0.0), |session| (session.number, session.clips, session.value));
        // A page without a clip is as good as bad clips.
        let mean = if clips == 0 { -0.5 } else { value / f64::from(clips) };
        watcher.mood = 0.8 * watcher.mood + 0.2 * mean.clamp(-2.0, 4.0);
        let parts = [self.world.seed, GAP, u64::from(viewer), u64::from(number)];
        let gap_h = Draw::of(&parts).lognormal(person.pace_h, 0.5);
        let gap_h = (gap_h * (-0.7 * (watcher.mood - USUAL_VALUE)).exp()).clamp(0.5, 240.0);
        at.plus_ms((gap_h * HOUR_MS as f64) as i64)
    }
}

impl Session {
    /// Takes in a page, as the service does.
    fn turn_to(&mut self, page: &[u32], (at, index, ordinals): (Timestamp, &Index, &[u32])) {
        let ordinals = page.iter().map(|&film| ordinals[film as usize]);
        let faces = ordinals.clone().map(|ordinal| ShownFace::of(index, ordinal));
        Arc::make_mut(&mut self.served)
            .extend(ordinals.filter_map(|ordinal| index.clip_id(ordinal)).map(clip_key));
        self.shown.extend(faces);
        let surplus = self.shown.len().saturating_sub(BUDGET_WINDOW - 1);
        self.shown.drain(..surplus);
        self.ahead = page.iter().copied().zip(0..).collect();
        self.slate = SlateId::new(at, u128::from(mix(self.seed ^ u64::from(self.pages))));
        self.pages += 1;
    }
}

/// The events that a reaction is reported by, in the order of a client's batch.
fn kinds(reaction: &Reaction, duration_ms: u32, sells: bool) -> impl Iterator<Item = EventKind> {
    let Reaction { watch_ms, is_skip, .. } = *reaction;
    let watch = EventKind::Watch { watch_ms, loops: watch_ms / duration_ms };
    let dislike = if reaction.hides { EventKind::HideCreator } else { EventKind::NotInterested };
    [
        (true, EventKind::Impression),
        (sells && !is_skip, EventKind::TagImpression),
        (reaction.taps, EventKind::TagTap),
        (reaction.carts, EventKind::AddToCart),
        (reaction.buys, EventKind::Purchase),
        (reaction.likes, EventKind::Like),
        (reaction.shares, EventKind::Share),
        (reaction.follows, EventKind::Follow),
        (true, watch),
        (reaction.dislikes, dislike),
    ]
    .into_iter()
    .filter_map(|(happened, kind)| happened.then_some(kind))
}

/// All deliveries, the first at the end.
fn deliveries(world: &World) -> Vec<(i64, u32)> {
    let mut all = Vec::new();
    for (number, good) in world.goods.iter().enumerate() {
        let every = good.delivered_every_days;
        let days = (1..).map(|time| time * every).take_while(|&day| every > 0 && day < world.days);
        let due = |day: u32| super::START.plus_ms(i64::from(day) * DAY_MS).unix_ms();
        all.extend(days.map(|day| (due(day), number as u32)));
    }
    all.sort_unstable_by(|a, b| b.cmp(a));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::world::{Plan, Policy, START};

    /// What a viewer makes of a clip does not depend on what a policy showed before.
    #[test]
    fn reactions_are_common_to_all_lives() {
        let plan = Plan { seed: 3, viewers: 10, creators: 20, products: 5, days: 3 };
        let world = World::new(plan).unwrap();
        let at = START.plus_ms(DAY_MS + HOUR_MS);
        let life = || {
            let mut life = Life::new(&world, |index| Policy::Random.maker(index));
            life.bring_up_to(at);
            life
        };
        let (mut one, mut other) = (life(), life());
        let mut skips = 0;
        for film in (0..one.ordinals.len() as u32).rev() {
            // The other life goes through them the other way round, and with another viewer first.
            let opposite = one.ordinals.len() as u32 - 1 - film;
            other.watch((1, at), opposite, 0);
            other.watch((0, at), opposite, 3);
            one.watch((0, at), film, 0);
        }
        for film in 0..one.ordinals.len() as u32 {
            let [ours, theirs] =
                [&mut one, &mut other].map(|life| life.watch((0, at), film, 0).watch_ms);
            assert_eq!(ours, theirs, "clip {film}");
            skips += u32::from(ours < 2_000);
        }
        assert!(skips > 0 && skips < one.ordinals.len() as u32, "{skips}");
        assert_eq!(one.tallies.viewers[0].watch_ms, other.tallies.viewers[0].watch_ms);
    }
}
