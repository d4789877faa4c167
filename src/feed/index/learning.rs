//! The index learns: events go on to what is learned, and each clip's share of the scores is kept beside
//! its row.
//!
//! A clip's share moves when the clip is watched, and a little with everything else that is learned. It is
//! made anew after each event of the clip, and with each such event also that of one more clip in turn: so
//! that how old a share is follows from the log alone.

use crate::feed::index::Index;
use crate::feed::index::entities::EntityKind;
use crate::feed::index::rows::{NONE, SHOPPABLE};
use crate::feed::learned::{Learned, Subject};
use crate::ports::events::LoggedEvent;
use crate::ranking::embedding::{Effort, Embeddings, Room};
use crate::ranking::learner::factors::DIMENSIONS;
use crate::ranking::learner::feed::ClipKeys;
use crate::ranking::learner::parts::ClipPart;

impl Index {
    /// What was learned.
    pub fn learned(&self) -> &Learned {
        &self.learned
    }

    /// A clip's share of the scores as it was made last; unknown for a clip that was there before anything
    /// was learned and had no turn yet. Making it for a page would cost more than the rest of the page.
    #[inline]
    pub fn part(&self, ordinal: u32) -> &ClipPart {
        &self.parts[ordinal as usize]
    }

    fn part_now(&self, ordinal: u32) -> ClipPart {
        self.learned.heads().clip_part(&self.subject(ordinal).keys, self.learned.at_ms())
    }

    /// The clip as the learner sees it.
    pub(super) fn subject(&self, ordinal: u32) -> Subject {
        let row = self.row(ordinal);
        let key = |entity| if entity == NONE { 0 } else { self.entity_key(entity) };
        let merchant = self.merchants[ordinal as usize][0];
        let entities = [row.creator, row.category, merchant, row.products[0], row.tags[0]].map(key);
        let keys = ClipKeys { clip: row.key, entities, duration_ms: row.duration_ms };
        Subject { keys, shoppable: row.flags & SHOPPABLE != 0 }
    }

    /// Lets an event be learned from.
    pub(super) fn learn(&mut self, logged: &LoggedEvent, ordinal: Option<u32>) {
        let subject = ordinal.map(|ordinal| self.subject(ordinal));
        if !self.learned.apply(logged, subject.as_ref()) {
            return;
        }
        if let Some(ordinal) = ordinal {
            self.refresh_part(ordinal);
        }
        // As long as clips wait for their first share, several have their turn.
        for _ in 0..if self.is_first_round { FIRST_TURNS } else { 1 } {
            self.refresh_part(self.next_part);
            self.next_part += 1;
            if self.next_part >= self.capacity() {
                self.next_part = 0;
                self.is_first_round = false;
            }
        }
    }

    /// A clip's learned vector; zeros for one that nobody looked at yet.
    pub fn vector(&self, ordinal: u32) -> [f32; DIMENSIONS] {
        self.part(ordinal).vector()
    }

    /// The clips whose learned vectors give the greatest inner products with `direction`, best first, of
    /// those that `keep` lets through.
    pub fn nearest<'room>(
        &self,
        direction: &[f32; DIMENSIONS],
        limit: usize,
        keep: impl Fn(u32) -> bool,
        room: &'room mut Room,
    ) -> &'room [(u32, f32)] {
        self.vectors.nearest(direction, limit, EFFORT, keep, room)
    }

    /// Makes a clip's share anew.
    pub(super) fn refresh_part(&mut self, ordinal: u32) {
        if self.rows[ordinal as usize].key != 0 && self.learned.views() > 0 {
            let part = self.part_now(ordinal);
            self.parts[ordinal as usize] = part;
            // The heads' vectors are finite and of the index's dimension; nothing else is refused.
            let _is_set = self.vectors.set(ordinal, &part.vector());
        }
    }

    /// Goes on from what was learned before, as if the events up to `at_least` were in it; what came since
    /// is to be applied again, to that alone.
    pub fn start_learned(&mut self, mut learned: Learned, at_least: u64) {
        learned.skip_to(at_least);
        self.applied = self.counted.min(learned.applied());
        self.learned = learned;
        self.parts.fill(ClipPart::UNKNOWN);
        self.vectors = Embeddings::new(DIMENSIONS);
        for ordinal in 0..self.capacity() {
            self.refresh_part(ordinal);
        }
        self.next_part = 0;
        self.is_first_round = self.learned.views() == 0;
    }

    /// Kind, by the number of the learner, and key of what a viewer's taste attaches to: of a product its
    /// merchant follows.
    pub fn learned_keys(&self, entity: u32) -> impl Iterator<Item = (usize, u64)> {
        let kind = self.entities.kind(entity);
        let kind = kind.filter(|kind| *kind != EntityKind::Shop);
        let own = kind.map(|kind| (kind as usize, self.entity_key(entity)));
        let merchant = self.shelf.products.get(&entity).map(|shelved| shelved.merchant);
        let merchant = merchant.map(|merchant| (MERCHANT, self.entity_key(merchant)));
        own.into_iter().chain(merchant)
    }
}

impl Index {
    /// Whether a number is that of a product.
    pub fn is_product(&self, entity: u32) -> bool {
        self.entities.kind(entity) == Some(EntityKind::Product)
    }
}

/// Other sources bring good clips as well, so four of five will do; and as long as vectors have no structure
/// yet, no search among them is worth more than this.
const EFFORT: Effort = Effort { recall: 0.8, vectors_max: 1_024 };

/// Clips whose share is made with each event at first: a hundred thousand have theirs after some ten
/// thousand views.
const FIRST_TURNS: u32 = 8;

/// The learner's kind of merchants.
const MERCHANT: usize = 2;
