//! Keeps a page varied: few clips of one creator, merchant and product close together, neighbours that
//! differ, and no more to buy than the viewer wants.
//!
//! A pure kernel: it sees small integers and answers indices. It moves candidates, it never drops or
//! doubles one; only the budget may leave places empty.

use crate::domain::limits::{BUDGET_WINDOW, SHARE_WHOLE};
use crate::ranking::learner::factors::DIMENSIONS;
use crate::ranking::likeness::Likeness;
use crate::ranking::order::{Ranking, mix};

/// The bounds. Windows slide over the whole session, so the rules hold across page borders too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlateRules {
    /// Length of the window of the rules below in places.
    pub window: usize,
    /// Clips of one creator in any window.
    pub per_creator: usize,
    /// Clips that show something of one merchant in any window.
    pub per_merchant: usize,
    /// Clips that show one product in any window.
    pub per_product: usize,
    /// How far down the ranking a replacement may be looked for.
    pub look_ahead: usize,
    /// What a clip loses that is just like one of its neighbours, in units of the score.
    pub likeness_cost: f32,
    /// How many of the clips before count as neighbours.
    pub likeness_reach: usize,
    /// How many candidates that keep the rules are weighed against each other for one place.
    pub likeness_ahead: usize,
}

impl Default for SlateRules {
    /// The feed's law: two of a creator and one of a product in ten.
    fn default() -> Self {
        Self {
            window: 10,
            per_creator: 2,
            per_merchant: 3,
            per_product: 1,
            look_ahead: 512,
            likeness_cost: 0.2,
            likeness_reach: 4,
            likeness_ahead: 12,
        }
    }
}

impl SlateRules {
    /// A digest of the bounds: the same on all machines.
    pub fn digest(&self) -> u64 {
        let bounds = [
            self.window,
            self.per_creator,
            self.per_merchant,
            self.per_product,
            self.look_ahead,
            self.likeness_reach,
            self.likeness_ahead,
            self.likeness_cost.to_bits() as usize,
        ];
        bounds.into_iter().fold(0x736c_6174, |sum, bound| mix(sum ^ bound as u64))
    }
}

/// How much of what is shown may have something to buy, in millionths: a hard bound.
///
/// Any [`BUDGET_WINDOW`] places in a row hold at most `⌊20 · share⌋` such clips. The places that a
/// session begins with are held to the same share while there are fewer: the first `n` hold at most
/// `⌊n · share⌋`, so no beginning is denser than what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(SHARE_WHOLE)
    }
}

impl Budget {
    /// A share in millionths; more than all is all.
    pub fn new(share: u32) -> Self {
        Self(share.min(SHARE_WHOLE))
    }

    /// In millionths.
    pub fn share(self) -> u32 {
        self.0
    }

    /// Whether it never holds anything back.
    pub fn is_unlimited(self) -> bool {
        self.0 == SHARE_WHOLE
    }

    /// How many of `places` in a row may have something to buy.
    pub fn of(self, places: usize) -> usize {
        let places = places.min(BUDGET_WINDOW) as u64;
        (places * u64::from(self.0) / u64::from(SHARE_WHOLE)) as usize
    }
}

/// What the rules see of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Face<'a> {
    /// Whose it is.
    pub creator: u32,
    /// Whose products it shows.
    pub merchants: &'a [u32],
    /// What is tagged in it, the first of it.
    pub products: &'a [u32],
    /// What else is tagged in it.
    pub more_products: &'a [u32],
    /// What it is about.
    pub topics: &'a [u32],
    /// What was learned of it as a vector; zeros where nothing was.
    pub vector: [f32; DIMENSIONS],
    /// Whether there is something to buy.
    pub is_shoppable: bool,
}

impl Face<'_> {
    pub(super) fn shares_product(&self, other: &Face<'_>) -> bool {
        let there = |one| other.products.contains(one) || other.more_products.contains(one);
        self.products.iter().any(there) || self.more_products.iter().any(there)
    }
}

/// How often a rule had to give way because no candidate within reach kept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Relaxed {
    /// The merchant rule.
    pub merchant: u32,
    /// The merchant and the product rule.
    pub product: u32,
    /// All but the budget.
    pub all: u32,
}

/// How well a clip keeps the rules, best first. A clip beyond the budget has no such degree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Keeps {
    All,
    CreatorAndProduct,
    Creator,
    Nothing,
}

/// A page in the making.
pub struct Slate<'a> {
    rules: SlateRules,
    budget: Budget,
    likeness: &'a dyn Likeness,
    /// The last places before the page as far as any window reaches, then the page.
    shown: Vec<Face<'a>>,
    /// How often rules gave way so far.
    pub relaxed: Relaxed,
}

impl<'a> Slate<'a> {
    /// A page that follows `before`, the faces shown last, the latest at the end. Fewer than
    /// [`BUDGET_WINDOW`] `− 1` faces mean that the session began with them.
    pub fn after(
        before: &[Face<'a>],
        rules: SlateRules,
        budget: Budget,
        likeness: &'a dyn Likeness,
    ) -> Self {
        let reach = rules.window.max(BUDGET_WINDOW).saturating_sub(1);
        let keep = before.len().min(reach);
        let shown = before[before.len() - keep..].to_vec();
        Self { rules, budget, likeness, shown, relaxed: Relaxed::default() }
    }

    fn near(&self, reach: usize) -> &[Face<'a>] {
        &self.shown[self.shown.len().saturating_sub(reach)..]
    }

    /// Whether the budget allows something to buy in the next place.
    pub fn has_budget(&self) -> bool {
        if self.budget.is_unlimited() {
            return true;
        }
        let near = self.near(BUDGET_WINDOW - 1);
        let before = near.iter().filter(|face| face.is_shoppable).count();
        before < self.budget.of(near.len() + 1)
    }

    /// How well `face` would keep the rules in the next place.
    fn keeps(&self, face: &Face<'_>) -> Keeps {
        let mut of_creator = 0;
        let mut of_merchant = 0;
        let mut of_product = 0;
        for other in self.near(self.rules.window.saturating_sub(1)) {
            of_creator += usize::from(other.creator == face.creator);
            if face.is_shoppable && other.is_shoppable {
                let same = |one| other.merchants.contains(one);
                of_merchant += usize::from(face.merchants.iter().any(same));
            }
            of_product += usize::from(face.shares_product(other));
        }
        let creator = of_creator < self.rules.per_creator;
        let product = of_product < self.rules.per_product;
        let merchant = of_merchant < self.rules.per_merchant;
        match (creator, product, merchant) {
            (true, true, true) => Keeps::All,
            (true, true, false) => Keeps::CreatorAndProduct,
            (true, false, _) => Keeps::Creator,
            (false, _, _) => Keeps::Nothing,
        }
    }

    /// Puts a clip in the next place, whatever the rules say.
    pub fn push(&mut self, face: Face<'a>) {
        self.shown.push(face);
    }

    /// Whether `face` keeps all rules in the next place.
    pub fn fits(&self, face: &Face<'_>) -> bool {
        (!face.is_shoppable || self.has_budget()) && self.keeps(face) == Keeps::All
    }

    /// What `face` loses by being like its neighbours.
    fn likeness_cost(&self, face: &Face<'_>) -> f32 {
        let near = self.near(self.rules.likeness_reach).iter();
        let most = near.map(|other| self.likeness.between(face, other)).fold(0.0, f32::max);
        self.rules.likeness_cost * most
    }

    /// Takes the next clip from `ranking`. Of the first few within reach that keep all rules it is the one
    /// whose score is best once likeness to its neighbours is paid for (maximal marginal relevance,
    /// Carbonell and Goldstein, SIGIR 1998); of equals the one that is ranked higher. If none keeps all
    /// rules, the first that keeps most: first the merchant rule gives way, then the product rule, then
    /// all. The budget never does. It is removed from `ranking`, the order of the others stays. `None`
    /// when nothing is left that may be shown.
    pub fn take(
        &mut self,
        ranking: &mut Ranking,
        face: impl Fn(u32) -> Face<'a>,
        score: impl Fn(u32) -> f32,
    ) -> Option<u32> {
        let has_budget = self.has_budget();
        let mut best: Option<(f32, usize)> = None;
        let mut weighed = 0;
        let mut second: Option<(Keeps, usize)> = None;
        let mut place = 0;
        // Past the look-ahead only something that may be shown at all is looked for.
        while place < self.rules.look_ahead || (best.is_none() && second.is_none()) {
            let Some(index) = ranking.get(place) else { break };
            let face = face(index);
            let value = score(index);
            // Likeness only costs: what is ranked lower cannot win any more.
            if best.is_some_and(|(best, _)| weighed >= self.rules.likeness_ahead || value <= best) {
                break;
            }
            if has_budget || !face.is_shoppable {
                match self.keeps(&face) {
                    Keeps::All => {
                        weighed += 1;
                        let value = value - self.likeness_cost(&face);
                        if best.is_none_or(|(best, _)| value > best) {
                            best = Some((value, place));
                        }
                    }
                    less if second.is_none_or(|(second, _)| less < second) => {
                        second = Some((less, place));
                    }
                    Keeps::CreatorAndProduct | Keeps::Creator | Keeps::Nothing => {}
                }
            }
            place += 1;
        }
        let chosen = match (best, second) {
            (Some((_, place)), _) => place,
            (None, Some((keeps, place))) => {
                match keeps {
                    Keeps::All | Keeps::CreatorAndProduct => self.relaxed.merchant += 1,
                    Keeps::Creator => self.relaxed.product += 1,
                    Keeps::Nothing => self.relaxed.all += 1,
                }
                place
            }
            (None, None) => return None,
        };
        let taken = ranking.remove(chosen)?;
        self.push(face(taken));
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::ranking::likeness::SharedTraits;

    /// Its place, creator, products, and whether those can be bought of merchant `creator % 2`.
    type Clip = (usize, u32, Vec<u32>, bool);

    const MERCHANTS: [[u32; 1]; 2] = [[0], [1]];

    fn face(clip: &Clip) -> Face<'_> {
        let merchants = if clip.3 { &MERCHANTS[clip.1 as usize % 2][..] } else { &[] };
        Face {
            creator: clip.1,
            merchants,
            products: &clip.2,
            is_shoppable: clip.3,
            ..Face::default()
        }
    }

    /// The first is the best.
    fn in_order(count: usize) -> Ranking {
        Ranking::new((0..count).map(|index| (-(index as f32), 0)), 0)
    }

    /// A page, with what was shown before it.
    fn page<'a>(
        before: &[&'a Clip],
        clips: &'a [Clip],
        (rules, budget): (SlateRules, Budget),
        len: usize,
    ) -> (Vec<&'a Clip>, Relaxed) {
        let mut ranking = in_order(clips.len());
        let before: Vec<Face<'_>> = before.iter().map(|clip| face(clip)).collect();
        let mut slate = Slate::after(&before, rules, budget, &SharedTraits);
        let mut out = Vec::new();
        let score = |index: u32| -(index as f32);
        while out.len() < len
            && let Some(index) =
                slate.take(&mut ranking, |index| face(&clips[index as usize]), score)
        {
            out.push(&clips[index as usize]);
        }
        (out, slate.relaxed)
    }

    const ALL: Budget = Budget(SHARE_WHOLE);

    fn worst(page: &[&Clip], rules: SlateRules) -> (usize, usize, usize) {
        let mut worst = (0, 0, 0);
        for window in page.windows(rules.window.min(page.len()).max(1)) {
            for clip in window {
                let same = |other: &&&Clip| other.1 == clip.1;
                worst.0 = worst.0.max(window.iter().filter(same).count());
                let sells = |other: &&&Clip| clip.3 && other.3 && other.1 % 2 == clip.1 % 2;
                worst.2 = worst.2.max(window.iter().filter(sells).count());
                for product in &clip.2 {
                    let shows = |other: &&&Clip| other.2.contains(product);
                    worst.1 = worst.1.max(window.iter().filter(shows).count());
                }
            }
        }
        worst
    }

    fn clips() -> impl Strategy<Value = Vec<Clip>> {
        vec((0_u32..8, vec(0_u32..12, 0..3), prop::bool::ANY), 0..80).prop_map(|clips| {
            let number = |(index, (creator, products, sells)): (usize, (u32, Vec<u32>, bool))| {
                let sells = sells && !products.is_empty();
                (index, creator, products, sells)
            };
            clips.into_iter().enumerate().map(number).collect()
        })
    }

    proptest! {
        #[test]
        fn no_clip_is_lost_or_doubled(clips in clips(), look_ahead in 1_usize..100) {
            let rules = SlateRules { look_ahead, ..SlateRules::default() };
            let (page, _) = page(&[], &clips, (rules, ALL), usize::MAX);
            let mut ids: Vec<usize> = page.iter().map(|clip| clip.0).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..clips.len()).collect::<Vec<_>>());
        }

        #[test]
        fn rules_hold_unless_they_had_to_give_way(clips in clips()) {
            let rules = SlateRules::default();
            let (page, relaxed) = page(&[], &clips, (rules, ALL), 20);
            if relaxed == Relaxed::default() && !page.is_empty() {
                let (creators, products, merchants) = worst(&page, rules);
                prop_assert!(creators <= rules.per_creator && products <= rules.per_product);
                prop_assert!(merchants <= rules.per_merchant);
            }
        }

        /// However few clips without products are left, no window holds more than the budget allows, from
        /// the first place on and across page borders; and what the budget allows is not left out.
        #[test]
        fn the_budget_is_never_broken(
            pages in vec((clips(), 1_usize..25), 1..5), share in 0_u32..=SHARE_WHOLE,
            look_ahead in 1_usize..40,
        ) {
            let rules = SlateRules { look_ahead, ..SlateRules::default() };
            let budget = Budget::new(share);
            let mut shown: Vec<&Clip> = Vec::new();
            for (clips, len) in &pages {
                let (page, _) = page(&shown, clips, (rules, budget), *len);
                if page.len() < (*len).min(clips.len()) {
                    let all_sell = |clip: &Clip| clip.3 || page.iter().any(|one| one.0 == clip.0);
                    prop_assert!(clips.iter().all(all_sell), "a page is short for want of budget alone");
                }
                shown.extend(page);
                for end in 1..=shown.len() {
                    let window = &shown[end.saturating_sub(BUDGET_WINDOW)..end];
                    let sells = window.iter().filter(|clip| clip.3).count();
                    prop_assert!(
                        sells as u64 * u64::from(SHARE_WHOLE) <= window.len() as u64 * u64::from(share)
                    );
                }
            }
        }
    }

    #[test]
    fn alternatives_are_found_and_rules_give_way_in_order() {
        let mut clips: Vec<Clip> = (0..50).map(|index| (index, 1, vec![1], false)).collect();
        clips.extend((50..60).map(|index| (index, index as u32, vec![index as u32], false)));
        let rules = SlateRules { likeness_cost: 0.0, ..SlateRules::default() };
        let (page, relaxed) = super::tests::page(&[], &clips, (rules, ALL), 10);
        assert_eq!(relaxed, Relaxed::default());
        let ids: Vec<usize> = page.iter().map(|clip| clip.0).collect();
        assert_eq!(ids, [0, 50, 51, 52, 53, 54, 55, 56, 57, 58]);

        let same: Vec<Clip> = (0..5).map(|index| (index, 1, vec![1], false)).collect();
        let (page, relaxed) = super::tests::page(&[], &same, (rules, ALL), 5);
        let ids: Vec<usize> = page.iter().map(|clip| clip.0).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4]);
        assert_eq!(relaxed, Relaxed { merchant: 0, product: 1, all: 3 });

        // Four of one merchant, each of another creator with another product.
        let of_one: Vec<Clip> = (0..4).map(|n| (n, 2 * n as u32, vec![n as u32], true)).collect();
        let (page, relaxed) = super::tests::page(&[], &of_one, (rules, ALL), 4);
        assert_eq!((page.len(), relaxed.merchant), (4, 1));
    }

    #[test]
    fn a_clip_like_its_neighbour_waits_for_one_that_is_hardly_worse() {
        let clip = |number: usize, topic: &'static [u32]| (number, topic);
        let clips = [clip(0, &[7]), clip(1, &[7]), clip(2, &[8])];
        let faced = |index: u32| {
            let (number, topics) = clips[index as usize];
            Face { creator: number as u32, topics, ..Face::default() }
        };
        let order = |gap: f32| {
            let scores = [3.0, 2.0, 2.0 - gap];
            let mut ranking = Ranking::new(scores.into_iter().zip(0..), 0);
            let rules = SlateRules { likeness_cost: 0.4, ..SlateRules::default() };
            let mut slate = Slate::after(&[], rules, ALL, &SharedTraits);
            let mut take = || slate.take(&mut ranking, faced, |index| scores[index as usize]);
            [take(), take(), take()].map(Option::unwrap)
        };
        assert_eq!(order(0.05), [0, 2, 1], "sharing all topics costs a tenth");
        assert_eq!(order(0.15), [0, 1, 2]);
    }

    #[test]
    fn the_window_reaches_back_over_the_page_border() {
        let one = Face { creator: 1, ..Face::default() };
        let mut slate = Slate::after(&[one, one], SlateRules::default(), ALL, &SharedTraits);
        let mut ranking = in_order(2);
        let faced = |index: u32| Face { creator: 1 + index, ..Face::default() };
        let mut take = || slate.take(&mut ranking, faced, |index| -(index as f32));
        assert_eq!(take(), Some(1));
        assert_eq!(take(), Some(0));
        assert_eq!(take(), None);
    }
}
