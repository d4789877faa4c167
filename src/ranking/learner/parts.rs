//! Scores by parts: the viewer's share once a page, the clip's until it changes, crosses looked up.
//!
//! The heads are linear in the features of their slots, so log-odds are a sum of parts, one per side and
//! one per cross that the viewer has history with. A candidate's score reads its clip's part and the
//! viewer's, nothing else, and depends on no other candidate.
//!
//! Hundreds of clips' parts are fetched for a page, in no order: each is one cache line, in fixed point.
//! The page's loop over them is compiled for processors with wide registers too, and the better one is
//! taken as it starts. Both do the same operations in the same order, and nothing is contracted, so the
//! bits are the same.

#![expect(clippy::inline_always, reason = "what is called in the loop is to use its registers")]

use multiversion::multiversion;

use super::borders::expected_s;
use super::calibration::Calibration;
use super::factors::DIMENSIONS;
use super::feed::{
    CLIP, CROSSES, ClipKeys, DURATION, ENTITIES, FeedHeads, HEADS, Head, KINDS, LANES, Lanes,
    MARKET, RECENT_CLIP, RECENT_VIEWER, SURFACE, SURFACE_DURATION, Trace, VIEWER, VIEWER_DURATION,
    ViewerKeys, clip_vector, key, viewer_vector,
};
use super::model::Learner;
use super::rates::Rate;
use super::trace::{DURATION_BUCKETS, duration_bucket};

/// Entities of a viewer's history that a page looks at.
pub const KNOWN_MAX: usize = 64;
/// Places of the table of crosses: at least four times what it holds.
const PLACES: usize = 4 * KNOWN_MAX;

/// A clip's share of every score, to be kept beside its row: one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct ClipPart {
    /// Log-odds in steps of [`ODDS_STEP`].
    sums: [i16; HEADS],
    /// In steps of [`VECTOR_STEP`].
    vector: [i16; DIMENSIONS],
    /// Hashes of kind and entity; zero is none.
    entities: [u32; KINDS],
    bucket: u8,
}

const _: () = assert!(size_of::<ClipPart>() == 64, "a part is one cache line");

/// Rounding moves the clip's sum by half of it at most, and with it a small probability by a twentieth of a
/// percent of itself. Log-odds up to 32 fit, where a probability is held from 12 on.
const ODDS_STEP: f32 = 1.0 / 1_024.0;
/// The sum of a clip's vectors has components up to 48; up to 64 fit. Rounding moves what both vectors say by
/// a thousandth of the sum of the viewer's terms at most.
const VECTOR_STEP: f32 = 1.0 / 512.0;
/// The bucket of a clip nobody looked at yet.
const NO_BUCKET: u8 = u8::MAX;

/// In fixed point; what does not fit is held at the ends.
fn fixed(value: f32, step: f32) -> i16 {
    (value / step).round() as i16
}

/// A viewer's share of every score of a page.
#[derive(Clone, Debug)]
pub struct ViewerPart {
    sums: Lanes,
    durations: [Lanes; DURATION_BUCKETS],
    /// What each dimension of a clip's vector adds.
    vector: [Lanes; DIMENSIONS],
    crosses: [u32; PLACES],
    at: [u8; PLACES],
    parts: Vec<Lanes>,
    calibration: Calibration<LANES>,
    /// Borders of watch times by bucket of duration, in seconds.
    borders_s: [[f32; 3]; DURATION_BUCKETS],
}

/// Kind and entity as the word that a page's table is asked for; zero is none.
#[inline]
fn entity(kind: usize, entity: u64) -> u32 {
    (key(200 + kind, entity, 1) >> 32) as u32 | u32::from(entity != 0)
}

/// Adds a slot's terms to `sums` and returns the key's rate. The common weight of the sum of all effects is
/// part of each slot's own.
#[multiversion(targets("x86_64+avx2"))]
fn add_slot(
    learner: &Learner<LANES>,
    (slot, key): (usize, u64),
    parent: &Rate<LANES>,
    now_ms: i64,
    sums: &mut Lanes,
) -> Rate<LANES> {
    const PER_SLOT: usize = Learner::<LANES>::PER_SLOT;
    if key == 0 {
        return *parent;
    }
    // A key that nobody met has its parent's rate and no effect: it adds nothing but rounding.
    let Some(kept) = learner.cells.get(key) else { return *parent };
    let mut features = [0.0; PER_SLOT];
    let rate = learner.slot_features(slot, kept, parent, now_ms, &mut features);
    learner.weights.add(sums, Learner::<LANES>::slot_at(slot), &features, 0);
    learner.weights.add(sums, learner.sums_at(), &features[LANES..LANES + HEADS], 0);
    rate
}

impl FeedHeads {
    /// A clip's share as of now. It moves when the clip or its entities get events, and slowly with the
    /// weights: make it anew when the clip was learned from, else every some seconds.
    pub fn clip_part(&self, clip: &ClipKeys, now_ms: i64) -> ClipPart {
        let learner = &self.learner;
        let base = learner.base_rate();
        let mut sums = [0.0; LANES];
        let own = add_slot(learner, (CLIP, key(CLIP, clip.clip, 1)), &base, now_ms, &mut sums);
        for (kind, &entity) in clip.entities.iter().enumerate() {
            let slot = ENTITIES + kind;
            add_slot(learner, (slot, key(slot, entity, 1)), &base, now_ms, &mut sums);
        }
        let bucket = duration_bucket(clip.duration_ms as f32);
        let duration = key(DURATION, bucket as u64, 1);
        add_slot(learner, (DURATION, duration), &base, now_ms, &mut sums);
        let recent = key(RECENT_CLIP, clip.clip, 1);
        add_slot(learner, (RECENT_CLIP, recent), &own, now_ms, &mut sums);
        let entities = std::array::from_fn(|kind| entity(kind, clip.entities[kind]));
        let vector = learner.factors.clip(&clip_vector(clip));
        ClipPart {
            sums: std::array::from_fn(|head| fixed(sums[head], ODDS_STEP)),
            vector: vector.map(|component| fixed(component, VECTOR_STEP)),
            entities,
            bucket: bucket as u8,
        }
    }

    /// A viewer's share for one page. `known` are entities of its history by kind, the strongest first;
    /// beyond [`KNOWN_MAX`] they are left out, and so are those that nothing was counted with.
    pub fn viewer_part(
        &self,
        viewer: &ViewerKeys,
        trace: &Trace,
        known: &[(usize, u64)],
        now_ms: i64,
    ) -> ViewerPart {
        let learner = &self.learner;
        let base = learner.base_rate();
        let mut sums = base.odds;
        learner.weights.add(&mut sums, 0, &[1.0], 0);
        let own = key(VIEWER, viewer.viewer, 1);
        let own = add_slot(learner, (VIEWER, own), &base, now_ms, &mut sums);
        let market = key(MARKET, u64::from(viewer.market) + 1, 1);
        add_slot(learner, (MARKET, market), &base, now_ms, &mut sums);
        let surface = u64::from(viewer.surface) + 1;
        let shown = key(SURFACE, viewer.viewer, surface);
        add_slot(learner, (SURFACE, shown), &own, now_ms, &mut sums);
        let recent = key(RECENT_VIEWER, viewer.viewer, 1);
        add_slot(learner, (RECENT_VIEWER, recent), &own, now_ms, &mut sums);
        let mut numbers = Vec::with_capacity(Trace::OF_PAGE);
        trace.of_page(now_ms, &base.hit, &mut numbers);
        self.add_numbers(0, &mut numbers, &mut sums);
        let mut part = ViewerPart {
            sums,
            durations: [[0.0; LANES]; DURATION_BUCKETS],
            vector: self.vector_terms(viewer),
            crosses: [0; PLACES],
            at: [0; PLACES],
            parts: Vec::with_capacity(known.len().min(KNOWN_MAX)),
            calibration: learner.calibration.clone(),
            borders_s: self.borders.all_seconds(),
        };
        for (bucket, sums) in part.durations.iter_mut().enumerate() {
            let on_surface = key(SURFACE_DURATION, surface, bucket as u64);
            add_slot(learner, (SURFACE_DURATION, on_surface), &base, now_ms, sums);
            let of_viewer = key(VIEWER_DURATION, viewer.viewer, bucket as u64);
            add_slot(learner, (VIEWER_DURATION, of_viewer), &own, now_ms, sums);
            numbers.clear();
            trace.of_duration(bucket, &mut numbers);
            self.add_numbers(Trace::OF_PAGE, &mut numbers, sums);
        }
        for &(kind, with) in known.iter().filter(|(kind, _)| *kind < KINDS).take(KNOWN_MAX) {
            let slot = CROSSES + kind;
            let key = key(slot, viewer.viewer, with);
            if learner.cells.find(key).is_some() {
                let mut sums = [0.0; LANES];
                add_slot(learner, (slot, key), &own, now_ms, &mut sums);
                part.put(entity(kind, with), sums);
            }
        }
        part
    }

    fn add_numbers(&self, first: usize, numbers: &mut [f32], sums: &mut Lanes) {
        for number in numbers.iter_mut() {
            *number = number.clamp(-super::model::FEATURE_MAX, super::model::FEATURE_MAX);
        }
        self.learner.weights.add(sums, self.learner.numbers_at() + first, numbers, 0);
    }

    /// What each dimension of a clip's vector will add: the viewer's vector, scaled, through the weights
    /// of the vectors' features.
    fn vector_terms(&self, viewer: &ViewerKeys) -> [Lanes; DIMENSIONS] {
        let factors = &self.learner.factors;
        let own = factors.viewer(&viewer_vector(viewer));
        let mut terms = [[0.0; LANES]; DIMENSIONS];
        for (axis, term) in terms.iter_mut().enumerate() {
            let scaled = factors.scales()[axis].map(|scale| scale * own[axis]);
            let first = self.learner.sums_at() + LANES;
            self.learner.weights.add(term, first, &scaled[..HEADS], 0);
        }
        terms
    }
}

impl ClipPart {
    /// That of a clip nobody looked at yet.
    pub const UNKNOWN: Self =
        Self { sums: [0; HEADS], vector: [0; DIMENSIONS], entities: [0; KINDS], bucket: NO_BUCKET };

    /// Whether it was made from a clip.
    pub fn is_known(&self) -> bool {
        self.bucket != NO_BUCKET
    }

    /// The clip's learned vector: what [`ViewerPart::direction`] is multiplied with.
    #[inline(always)]
    pub fn vector(&self) -> [f32; DIMENSIONS] {
        let mut vector = [0.0; DIMENSIONS];
        for (component, &steps) in vector.iter_mut().zip(&self.vector) {
            *component = f32::from(steps) * VECTOR_STEP;
        }
        vector
    }

    /// Its log-odds; lanes beyond [`HEADS`] are zero.
    #[inline(always)]
    fn odds(&self) -> Lanes {
        let mut odds = [0.0; LANES];
        for (odds, &steps) in odds.iter_mut().zip(&self.sums) {
            *odds = f32::from(steps) * ODDS_STEP;
        }
        odds
    }
}

impl ViewerPart {
    /// Where clips lie that the vectors speak for: the inner product with a clip's vector is what the
    /// vectors add to the sum of `weights · log-odds`.
    pub fn direction(&self, weights: &[f32; HEADS]) -> [f32; DIMENSIONS] {
        self.vector.map(|terms| {
            let products = terms.iter().zip(weights).map(|(term, weight)| term * weight);
            products.sum()
        })
    }

    fn put(&mut self, word: u32, sums: Lanes) {
        let mut place = word as usize % PLACES;
        while self.crosses[place] != 0 {
            if self.crosses[place] == word {
                return;
            }
            place = (place + 1) % PLACES;
        }
        self.crosses[place] = word;
        self.at[place] = self.parts.len() as u8;
        self.parts.push(sums);
    }

    #[inline(always)]
    fn cross(&self, word: u32) -> Option<&Lanes> {
        let mut place = word as usize % PLACES;
        while self.crosses[place] != 0 {
            if self.crosses[place] == word && word != 0 {
                return self.parts.get(usize::from(self.at[place]));
            }
            place = (place + 1) % PLACES;
        }
        None
    }

    /// The log-odds of a candidate.
    #[inline(always)]
    pub fn logits(&self, clip: &ClipPart) -> Lanes {
        let mut logits = self.sums;
        add(&mut logits, &clip.odds());
        add(&mut logits, &self.durations[clip.bucket as usize]);
        for &word in &clip.entities {
            if let Some(part) = self.cross(word) {
                add(&mut logits, part);
            }
        }
        add(&mut logits, &self.vectors(clip));
        logits
    }

    #[inline(always)]
    fn vectors(&self, clip: &ClipPart) -> Lanes {
        let mut sums = [0.0; LANES];
        for (terms, component) in self.vector.iter().zip(clip.vector()) {
            for lane in 0..LANES {
                sums[lane] += terms[lane] * component;
            }
        }
        sums
    }

    /// The probability of each head, calibrated. Lanes beyond [`HEADS`] mean nothing.
    #[inline(always)]
    pub fn score(&self, clip: &ClipPart) -> Lanes {
        self.calibration.apply(&self.logits(clip))
    }

    /// As [`Self::score`] of each part in turn. Those of clips that are not known are left alone.
    pub fn score_all(&self, clips: &[ClipPart], into: &mut [Lanes]) {
        score_all(self, clips, into);
    }

    /// The expected watch time in seconds, of a candidate's probabilities.
    #[inline]
    pub fn watch_s(&self, p: &Lanes, clip: &ClipPart) -> f32 {
        let beyond = [Head::Watch25, Head::Watch50, Head::Watch75].map(|head| p[head as usize]);
        expected_s(beyond, self.borders_s[clip.bucket as usize])
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn score_all(viewer: &ViewerPart, clips: &[ClipPart], into: &mut [Lanes]) {
    for (clip, p) in clips.iter().zip(into) {
        if clip.is_known() {
            *p = viewer.score(clip);
        }
    }
}

#[inline(always)]
fn add(sums: &mut Lanes, part: &Lanes) {
    for lane in 0..LANES {
        sums[lane] += part[lane];
    }
}
