//! Examples out of a log's rows: users, items, their columns, contexts.
//!
//! Nothing here knows a data set. Columns come as small codes (0 is missing); how many different ones a
//! column has decides what is made of it. One caller's row is folded in the order: predict, write down,
//! learn; so nothing of a row is known before its prediction.

use super::model::{Example, Learner, Scratch};
use super::numbers::{mix, pair};
use super::plan::{Plan, Side, Slot};
use super::trace::{ViewerTrace, duration_bucket};

/// A column of users or of items: a code for each, and how many codes there are.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// By number of user or item; 0 is missing, and so is whatever lies beyond the end.
    pub codes: Vec<u32>,
    /// Codes are below this.
    pub codes_max: u32,
    /// Whether codes are ranges of a number rather than names.
    pub ranges: bool,
}

impl Column {
    #[inline]
    fn of(&self, entity: u32) -> u32 {
        self.codes.get(entity as usize).copied().unwrap_or(0)
    }
}

/// One row, before and after its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Row<const L: usize> {
    /// Milliseconds, positive; 0 where unknown.
    pub at_ms: i64,
    /// Number of the user.
    pub user: u32,
    /// Number of the item.
    pub item: u32,
    /// Code of the context (a tab, a surface); 0 is none.
    pub context: u32,
    /// Milliseconds; NaN where unknown.
    pub duration_ms: f32,
    /// How long it was watched, milliseconds; NaN where unknown. Outcome.
    pub watch_ms: f32,
    /// 0 or 1 per task, NaN where unknown. Outcome.
    pub labels: [f32; L],
}

/// What the log has; what it has not gets no slots.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// How many tasks are predicted.
    pub tasks: usize,
    /// Contexts have codes below this; 0 without contexts.
    pub contexts: u32,
    /// Whether rows or items have durations.
    pub durations: bool,
    /// Whether rows have times.
    pub times: bool,
    /// How many users there are: their short memories lie in a list.
    pub users: usize,
    /// Columns of users.
    pub user_columns: Vec<Column>,
    /// Columns of items.
    pub item_columns: Vec<Column>,
}

/// How fast a learner goes, as factors of what suits most logs. To be chosen where it can be judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Of the rates at which the common weights and the contexts' departures learn.
    pub weights: f32,
    /// Of how many trials a key needs to depart from its parent, and its effect from nothing.
    pub caution: f32,
    /// Of the half-life of what happened lately.
    pub recent: f32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { weights: 1.0, caution: 1.0, recent: 1.0 }
    }
}

impl Pace {
    fn set(&self, plan: &mut Plan) {
        for rate in &mut plan.rates[..2] {
            *rate *= self.weights;
        }
        for slot in &mut plan.slots {
            slot.strength *= self.caution;
            slot.caution *= self.caution;
            slot.half_life_ms = (slot.half_life_ms as f32 * self.recent) as i64;
        }
    }
}

/// Contexts beyond this share the common weights.
const CONTEXTS_MAX: u32 = 32;
/// Columns of a side beyond this are left out.
const COLUMNS_MAX: usize = 40;
/// … and of items in slots of their own.
const ITEM_SLOTS_MAX: usize = 10;
/// Half-life of what happened lately.
const RECENT_MS: i64 = 24 * 3_600 * 1_000;

#[derive(Clone, Copy, Debug)]
enum Key {
    User,
    Item,
    Column(usize),
    Duration,
    ContextDuration,
    UserDuration,
    UserContext,
    ItemContext,
    UserItem,
    UserColumn(usize),
    ContextColumn(usize),
    RecentUser,
    RecentItem,
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Rows<const L: usize> {
    shape: Shape,
    keys: Vec<Key>,
    learner: Learner<L>,
    traces: Vec<ViewerTrace<L>>,
    scratch: Scratch<L>,
    slots: Vec<u64>,
    numbers: Vec<f32>,
    viewer: Vec<u64>,
    clip: Vec<u64>,
}

fn slots_of(shape: &Shape) -> (Vec<Key>, Vec<Slot>) {
    let (viewer, clip, cross) = (Side::Viewer, Side::Clip, Side::Cross);
    let mut all = vec![(Key::User, Slot::main(viewer)), (Key::Item, Slot::main(clip))];
    let columns = shape.item_columns.len().min(ITEM_SLOTS_MAX);
    all.extend((0..columns).map(|column| (Key::Column(column), Slot::main(clip))));
    if shape.durations {
        all.push((Key::Duration, Slot::main(clip)));
        all.push((Key::UserDuration, Slot::cross(cross, Some(0))));
    }
    all.push((Key::UserItem, Slot::cross(cross, Some(0))));
    let tastes = (0..columns).filter(|&column| !shape.item_columns[column].ranges);
    all.extend(tastes.map(|column| (Key::UserColumn(column), Slot::cross(cross, Some(0)))));
    if shape.contexts > 1 {
        all.push((Key::UserContext, Slot::cross(viewer, Some(0))));
        all.push((Key::ItemContext, Slot::cross(clip, Some(1))));
        if shape.durations {
            all.push((Key::ContextDuration, Slot::cross(clip, None)));
        }
        let named = (0..columns).filter(|&column| !shape.item_columns[column].ranges);
        all.extend(named.map(|column| (Key::ContextColumn(column), Slot::cross(clip, None))));
    }
    if shape.times {
        all.push((Key::RecentUser, Slot::recent(viewer, 0, RECENT_MS)));
        all.push((Key::RecentItem, Slot::recent(clip, 1, RECENT_MS)));
    }
    all.into_iter().unzip()
}

impl<const L: usize> Rows<L> {
    /// A learner for rows of this shape.
    pub fn new(mut shape: Shape, pace: Pace) -> Self {
        shape.user_columns.truncate(COLUMNS_MAX);
        shape.item_columns.truncate(COLUMNS_MAX);
        let (keys, slots) = slots_of(&shape);
        let numbers = ViewerTrace::<L>::OF_PAGE + ViewerTrace::<L>::OF_DURATION;
        let contexts =
            if shape.contexts > 1 { shape.contexts.min(CONTEXTS_MAX) as usize } else { 0 };
        let mut plan = Plan::new(slots, numbers, shape.tasks, contexts);
        pace.set(&mut plan);
        Self {
            keys,
            learner: Learner::new(plan),
            traces: vec![ViewerTrace::default(); shape.users],
            scratch: Scratch::new(),
            slots: Vec::new(),
            numbers: Vec::new(),
            viewer: Vec::new(),
            clip: Vec::new(),
            shape,
        }
    }

    /// The learner behind.
    pub fn learner(&self) -> &Learner<L> {
        &self.learner
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.learner.bytes() + self.traces.len() * size_of::<ViewerTrace<L>>()
    }

    fn key(&self, key: Key, row: &Row<L>, duration: u64) -> u64 {
        let (user, item) = (u64::from(row.user) + 1, u64::from(row.item) + 1);
        let context = u64::from(row.context);
        let column = |column: usize| u64::from(self.shape.item_columns[column].of(row.item));
        // The kind of key, the column, and up to two values; a value that is missing makes no key.
        let (kind, left, right) = match key {
            Key::User => (1, user, 1),
            Key::Item => (2, item, 1),
            Key::Column(at) => (3 + ((at as u64) << 8), column(at), 1),
            Key::Duration => (4, duration, 1),
            Key::ContextDuration => (5, context, duration),
            Key::UserDuration => (6, user, duration),
            Key::UserContext => (7, user, context),
            Key::ItemContext => (8, item, context),
            Key::UserItem => (9, user, item),
            Key::UserColumn(at) => (10 + ((at as u64) << 8), user, column(at)),
            Key::ContextColumn(at) => (11 + ((at as u64) << 8), context, column(at)),
            Key::RecentUser => (12, user, 1),
            Key::RecentItem => (13, item, 1),
        };
        if left == 0 || right == 0 { 0 } else { mix(kind ^ pair(left, right)) | 1 }
    }

    fn fill(&mut self, row: &Row<L>) {
        let bucket = duration_bucket(row.duration_ms);
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        slots.extend(self.keys.iter().map(|&key| self.key(key, row, bucket as u64)));
        self.slots = slots;
        self.numbers.clear();
        let base = self.learner.base_rate().hit;
        let unknown = ViewerTrace::default();
        let trace = self.traces.get(row.user as usize).unwrap_or(&unknown);
        trace.of_page(row.at_ms, &base, &mut self.numbers);
        trace.of_duration(bucket, &mut self.numbers);
        let columns = |own: u32, columns: &[Column], into: &mut Vec<u64>| {
            into.clear();
            into.push(mix(u64::from(own) + 1) | 1);
            for (at, column) in columns.iter().enumerate() {
                let code = u64::from(column.of(own));
                into.push(if code == 0 { 0 } else { pair(at as u64 + 7, code) | 1 });
            }
        };
        columns(row.user, &self.shape.user_columns, &mut self.viewer);
        columns(row.item, &self.shape.item_columns, &mut self.clip);
    }

    /// Predicts a row, then learns it. `heads` false: its counts only, as of history without context.
    pub fn step(&mut self, row: &Row<L>, heads: bool) -> [f32; L] {
        self.fill(row);
        let example = Example {
            keys: &self.slots,
            numbers: &self.numbers,
            viewer: &self.viewer,
            clip: &self.clip,
            context: row.context as usize,
            at_ms: row.at_ms,
        };
        let mut labels = row.labels;
        let watched = row.watch_ms / row.duration_ms;
        if self.shape.tasks < L && watched.is_finite() {
            labels[self.shape.tasks] = watched.clamp(0.0, 1.0);
        }
        let p = if heads {
            let p = self.learner.predict(&example, &mut self.scratch);
            self.learner.learn(&example, &labels, &self.scratch);
            p
        } else {
            self.learner.predict_counts(&example, &mut self.scratch);
            self.learner.learn_counts(&example, &labels, &self.scratch);
            [f32::NAN; L]
        };
        if let Some(trace) = self.traces.get_mut(row.user as usize) {
            trace.observe(&labels, row.watch_ms, row.at_ms);
        }
        p
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(round: u64) -> Row<4> {
        let (user, item) = (mix(round) % 50, mix(round ^ 1 << 40) % 30);
        let taken = (user + item).is_multiple_of(2);
        Row {
            at_ms: 1_000_000 + round as i64 * 1_000,
            user: user as u32,
            item: item as u32,
            context: 1 + (round % 2) as u32,
            duration_ms: 10_000.0 + item as f32 * 1_000.0,
            watch_ms: if taken { 20_000.0 } else { 500.0 },
            labels: [f32::from(u8::from(taken)), 0.0, f32::NAN, f32::NAN],
        }
    }

    fn full() -> Shape {
        let column = |of: fn(u32) -> u32| Column {
            codes: (0..50).map(of).collect(),
            codes_max: 4,
            ranges: false,
        };
        Shape {
            tasks: 2,
            contexts: 3,
            durations: true,
            times: true,
            users: 50,
            user_columns: vec![column(|user| 1 + user % 2)],
            item_columns: vec![column(|item| 1 + item % 2)],
        }
    }

    fn bare() -> Shape {
        Shape { tasks: 2, users: 50, ..Shape::default() }
    }

    fn bits(p: [f32; 4]) -> [u32; 4] {
        p.map(f32::to_bits)
    }

    #[test]
    fn equal_logs_give_equal_predictions_and_bytes() {
        let (mut one, mut other) =
            (Rows::new(full(), Pace::default()), Rows::new(full(), Pace::default()));
        for round in 0..3_000 {
            assert_eq!(bits(one.step(&row(round), true)), bits(other.step(&row(round), true)));
        }
        assert!(one.learner().to_bytes() == other.learner().to_bytes());
    }

    #[test]
    fn a_prediction_does_not_know_its_own_outcome() {
        let mut rows = Rows::new(full(), Pace::default());
        for round in 0..2_000 {
            rows.step(&row(round), true);
        }
        for round in 2_000..2_050 {
            let told = row(round);
            let lie = Row { watch_ms: 1e9, labels: told.labels.map(|label| 1.0 - label), ..told };
            let (mut one, mut other) = (rows.clone(), rows.clone());
            assert_eq!(bits(one.step(&told, true)), bits(other.step(&lie, true)));
        }
    }

    #[test]
    fn tastes_are_learned_with_all_columns() {
        let mut rows = Rows::new(full(), Pace::default());
        let (mut right, mut met) = (0, 0);
        for round in 0..20_000 {
            let row = row(round);
            let p = rows.step(&row, true);
            assert!(p[..2].iter().all(|p| (0.0..=1.0).contains(p)), "{p:?}");
            if round > 15_000 {
                met += 1;
                right += u32::from((p[0] > 0.5) == (row.labels[0] > 0.5));
            }
        }
        assert!(right * 100 > met * 95, "{right} of {met}");
    }

    #[test]
    fn a_bare_log_and_history_without_time_do() {
        let mut rows = Rows::new(bare(), Pace::default());
        for round in 0..2_000 {
            let unknown = Row { at_ms: 0, context: 0, duration_ms: f32::NAN, ..row(round) };
            rows.step(&Row { watch_ms: f32::NAN, ..unknown }, round > 1_000);
        }
        assert_eq!(rows.learner().learnt(), 2_000);
        assert_eq!(rows.learner().refused(), 0);
        let stranger = Row { user: u32::MAX, item: u32::MAX, ..row(1) };
        assert!(rows.step(&stranger, true)[0].is_finite());
    }

    #[test]
    fn a_rate_follows_what_its_key_got() {
        let mut rows = Rows::new(bare(), Pace::default());
        for round in 0..4_000_u64 {
            let item = (round % 2) as u32;
            let labels = [item as f32, f32::NAN, f32::NAN, f32::NAN];
            rows.step(&Row { item, labels, ..row(round) }, true);
        }
        let p = |rows: &mut Rows<4>, item| rows.step(&Row { item, ..row(9_001) }, true)[0];
        assert!(p(&mut rows, 1) > 0.9 && p(&mut rows, 0) < 0.1);
    }
}
