//! What a learner looks at: which keys an example has and how they hang together.

/// No learner looks at more keys of one example than this.
pub const SLOTS_MAX: usize = 64;

/// Whose key it is. A score is a sum of parts by side, so that each part is made once: the viewer's once a
/// page, the clip's once until it changes, crosses where both meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Known without the clip: viewer, viewer × context, context.
    Viewer,
    /// Known without the viewer: clip, its columns, and those × context.
    Clip,
    /// Needs both.
    Cross,
}

/// One kind of key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// Whose it is.
    pub side: Side,
    /// An earlier slot whose rate this one departs from; without one, the rate of everything.
    pub parent: Option<usize>,
    /// How many trials the parent's rate weighs as much as.
    pub strength: f32,
    /// Prior information of the slot's effects; zero leaves the slot out of the additive model.
    pub caution: f32,
    /// Counts halve in this time; zero keeps them for good. A faded slot has its unfaded twin as parent.
    pub half_life_ms: i64,
}

impl Slot {
    /// A key that stands for itself.
    pub const fn main(side: Side) -> Self {
        Self { side, parent: None, strength: 10.0, caution: 3.0, half_life_ms: 0 }
    }

    /// A combination of keys, which departs from `parent` where it has one.
    pub const fn cross(side: Side, parent: Option<usize>) -> Self {
        let strength = if parent.is_some() { 4.0 } else { 10.0 };
        let caution = if parent.is_some() { 10.0 } else { 3.0 };
        Self { side, parent, strength, caution, half_life_ms: 0 }
    }

    /// What happened lately to the key of `parent`.
    pub const fn recent(side: Side, parent: usize, half_life_ms: i64) -> Self {
        Self { side, parent: Some(parent), strength: 3.0, caution: 0.0, half_life_ms }
    }
}

/// The shape of a learner and its bounds. Two learners of equal plans read each other's snapshots.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The kinds of keys, parents first; at most [`SLOTS_MAX`].
    pub slots: Vec<Slot>,
    /// Plain numbers of an example beside its keys.
    pub numbers: usize,
    /// How many lanes are predicted; lanes behind them are only counted.
    pub heads: usize,
    /// Contexts with departures of their own from the common weights.
    pub contexts: usize,
    /// AdaGrad's rate for the common weights, for the contexts' departures, for vectors, for calibration.
    pub rates: [f32; 4],
    /// Most keys that are counted.
    pub cells_max: usize,
    /// Most vectors of viewers and of clips, keys of their columns included.
    pub vectors_max: [usize; 2],
}

impl Plan {
    /// The usual rates over these slots.
    pub fn new(slots: Vec<Slot>, numbers: usize, heads: usize, contexts: usize) -> Self {
        assert!(slots.len() <= SLOTS_MAX, "{} slots", slots.len());
        let parents_first =
            slots.iter().enumerate().all(|(at, slot)| slot.parent.is_none_or(|parent| parent < at));
        assert!(parents_first, "a slot's parent must come before it");
        Self {
            slots,
            numbers,
            heads,
            contexts,
            rates: [0.02, 0.006, 0.1, 0.01],
            cells_max: 1 << 22,
            vectors_max: [1 << 20, 1 << 18],
        }
    }

    /// Tells plans apart in snapshots.
    pub fn digest(&self, lanes: usize) -> u64 {
        use super::numbers::pair;
        let mut digest = pair(lanes as u64, self.numbers as u64);
        digest = pair(digest, pair(self.heads as u64, self.contexts as u64));
        for slot in &self.slots {
            let parent = slot.parent.map_or(0, |parent| parent as u64 + 1);
            let numbers = pair(u64::from(slot.strength.to_bits()), slot.half_life_ms as u64);
            digest = pair(digest, pair(parent, pair(slot.side as u64, numbers)));
        }
        let bounds =
            self.vectors_max.iter().fold(self.cells_max as u64, |all, &max| pair(all, max as u64));
        pair(digest, bounds)
    }
}
