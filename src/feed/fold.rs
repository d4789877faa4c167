//! The ranking's state as a fold: the steps of a process and the events of the log, in one order.

use crate::domain::ranking_step::RankingStep;
use crate::feed::index::Index;
use crate::feed::learned::Learned;
use crate::ports::counters::CounterRow;

/// Takes one step into the index. This alone changes what is ranked besides events, both when pages are
/// served and when they are recomputed. `learned` is what a step that goes on from a stored model names.
pub fn take_in(index: &mut Index, step: &RankingStep, learned: Option<Learned>) {
    match step {
        RankingStep::Filling => index.begin_filling(),
        RankingStep::Clip(clip) => index.set_clip(clip),
        RankingStep::Gone(clip) => index.remove_clip(*clip),
        RankingStep::Product(product, available) => index.set_product(product, |variant| {
            let found = available.iter().find(|(id, _)| *id == variant);
            found.map_or(0, |(_, units)| *units)
        }),
        RankingStep::Counted(clip, counters, heat) => {
            index.restore(&CounterRow { clip: *clip, counters: *counters, heat: heat.clone() });
        }
        RankingStep::Filled(offset) => {
            index.end_filling();
            index.restored_to(*offset);
        }
        RankingStep::Learned { at_least, .. } => {
            index.start_learned(learned.unwrap_or_default(), *at_least);
        }
    }
    index.count_step();
}
