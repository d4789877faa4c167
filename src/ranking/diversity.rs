//! Keeps a page varied: few clips of one creator and of one product close together.
//!
//! A pure kernel: it sees small integers and answers indices. It moves candidates, it never drops or
//! doubles one.

use crate::ranking::order::Ranking;

/// The bounds. A window slides over the whole session, so the rules hold across page borders too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlateRules {
    /// Length of the window in places.
    pub window: usize,
    /// Clips of one creator in any window.
    pub per_creator: usize,
    /// Clips that show one product in any window.
    pub per_product: usize,
    /// How far down the ranking a replacement may be looked for.
    pub look_ahead: usize,
}

impl Default for SlateRules {
    /// The feed's law: two of a creator and one of a product in ten.
    fn default() -> Self {
        Self { window: 10, per_creator: 2, per_product: 1, look_ahead: 512 }
    }
}

/// What the rules see of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Face<'a> {
    /// Whose it is.
    pub creator: u32,
    /// What is tagged in it.
    pub products: &'a [u32],
}

/// How often a rule had to give way because no candidate within reach kept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Relaxed {
    /// The product rule.
    pub product: u32,
    /// Both rules.
    pub both: u32,
}

/// A page in the making.
pub struct Slate<'a> {
    rules: SlateRules,
    /// The last `window − 1` places before the page, then the page.
    shown: Vec<Face<'a>>,
    /// How often rules gave way so far.
    pub relaxed: Relaxed,
}

impl<'a> Slate<'a> {
    /// A page that follows `before`, the faces shown last, the latest at the end.
    pub fn after(before: &[Face<'a>], rules: SlateRules) -> Self {
        let keep = before.len().min(rules.window.saturating_sub(1));
        let shown = before[before.len() - keep..].to_vec();
        Self { rules, shown, relaxed: Relaxed::default() }
    }

    /// Whether `face` may come next: (creator rule kept, product rule kept).
    fn keeps(&self, face: &Face<'_>) -> (bool, bool) {
        let reach = self.rules.window.saturating_sub(1);
        let near = &self.shown[self.shown.len().saturating_sub(reach)..];
        let mut of_creator = 0;
        let mut of_product = 0;
        for other in near {
            of_creator += usize::from(other.creator == face.creator);
            of_product += usize::from(face.products.iter().any(|one| other.products.contains(one)));
        }
        (of_creator < self.rules.per_creator, of_product < self.rules.per_product)
    }

    /// Puts a clip in the next place, whatever the rules say.
    pub fn push(&mut self, face: Face<'a>) {
        self.shown.push(face);
    }

    /// Whether `face` keeps all rules in the next place.
    pub fn fits(&self, face: &Face<'_>) -> bool {
        self.keeps(face) == (true, true)
    }

    /// Takes the next clip from `ranking`: the first within reach that keeps both rules; else the first
    /// that keeps the creator rule; else the best. It is removed from `ranking`, the order of the others
    /// stays. `None` when nothing is left.
    pub fn take(&mut self, ranking: &mut Ranking, face: impl Fn(u32) -> Face<'a>) -> Option<u32> {
        let mut second_best = None;
        let mut choice = None;
        for place in 0..self.rules.look_ahead {
            let Some(index) = ranking.get(place) else { break };
            match self.keeps(&face(index)) {
                (true, true) => {
                    choice = Some(place);
                    break;
                }
                (true, false) if second_best.is_none() => second_best = Some(place),
                (true | false, _) => {}
            }
        }
        let taken = ranking.remove(choice.or(second_best).unwrap_or(0))?;
        if choice.is_none() {
            let relaxed = if second_best.is_some() {
                &mut self.relaxed.product
            } else {
                &mut self.relaxed.both
            };
            *relaxed += 1;
        }
        self.push(face(taken));
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    type Clip = (usize, u32, Vec<u32>);

    fn face(clip: &Clip) -> Face<'_> {
        Face { creator: clip.1, products: &clip.2 }
    }

    /// The first is the best.
    fn in_order(count: usize) -> Ranking {
        Ranking::new((0..count).map(|index| (-(index as f32), 0)), 0)
    }

    fn page(clips: &[Clip], rules: SlateRules, len: usize) -> (Vec<&Clip>, Relaxed) {
        let mut ranking = in_order(clips.len());
        let mut slate = Slate::after(&[], rules);
        let mut out = Vec::new();
        while out.len() < len
            && let Some(index) = slate.take(&mut ranking, |index| face(&clips[index as usize]))
        {
            out.push(&clips[index as usize]);
        }
        (out, slate.relaxed)
    }

    fn worst(page: &[&Clip], rules: SlateRules) -> (usize, usize) {
        let mut worst = (0, 0);
        for window in page.windows(rules.window.min(page.len()).max(1)) {
            for clip in window {
                let same = |other: &&&Clip| other.1 == clip.1;
                worst.0 = worst.0.max(window.iter().filter(same).count());
                for product in &clip.2 {
                    let shows = |other: &&&Clip| other.2.contains(product);
                    worst.1 = worst.1.max(window.iter().filter(shows).count());
                }
            }
        }
        worst
    }

    fn clips() -> impl Strategy<Value = Vec<Clip>> {
        vec((0_u32..8, vec(0_u32..12, 0..3)), 0..80).prop_map(|clips| {
            let number = |(index, (creator, products))| (index, creator, products);
            clips.into_iter().enumerate().map(number).collect()
        })
    }

    proptest! {
        #[test]
        fn no_clip_is_lost_or_doubled(clips in clips(), look_ahead in 1_usize..100) {
            let rules = SlateRules { look_ahead, ..SlateRules::default() };
            let (page, _) = page(&clips, rules, usize::MAX);
            let mut ids: Vec<usize> = page.iter().map(|clip| clip.0).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..clips.len()).collect::<Vec<_>>());
        }

        #[test]
        fn rules_hold_unless_they_had_to_give_way(clips in clips()) {
            let rules = SlateRules::default();
            let (page, relaxed) = page(&clips, rules, 20);
            if relaxed == Relaxed::default() && !page.is_empty() {
                let (creators, products) = worst(&page, rules);
                prop_assert!(creators <= rules.per_creator && products <= rules.per_product);
            }
        }
    }

    #[test]
    fn alternatives_are_found_and_rules_give_way_in_order() {
        let mut clips: Vec<Clip> = (0..50).map(|index| (index, 1, vec![1])).collect();
        clips.extend((50..60).map(|index| (index, index as u32, vec![index as u32])));
        let (page, relaxed) = page(&clips, SlateRules::default(), 10);
        assert_eq!(relaxed, Relaxed::default());
        let ids: Vec<usize> = page.iter().map(|clip| clip.0).collect();
        assert_eq!(ids, [0, 50, 51, 52, 53, 54, 55, 56, 57, 58]);

        let same: Vec<Clip> = (0..5).map(|index| (index, 1, vec![1])).collect();
        let (page, relaxed) = super::tests::page(&same, SlateRules::default(), 5);
        let ids: Vec<usize> = page.iter().map(|clip| clip.0).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4]);
        assert_eq!(relaxed, Relaxed { product: 1, both: 3 });
    }

    #[test]
    fn the_window_reaches_back_over_the_page_border() {
        let before = [Face { creator: 1, products: &[] }, Face { creator: 1, products: &[] }];
        let mut slate = Slate::after(&before, SlateRules::default());
        let mut ranking = in_order(2);
        let faced = |index: u32| Face { creator: 1 + index, products: &[] };
        assert_eq!(slate.take(&mut ranking, faced), Some(1));
        assert_eq!(slate.take(&mut ranking, faced), Some(0));
        assert_eq!(slate.take(&mut ranking, faced), None);
    }
}
