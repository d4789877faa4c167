//! What was learned of the viewer, laid out for one page.

use std::sync::Arc;

use async_trait::async_trait;

use crate::feed::index::{Entity, Index, SharedIndex};
use crate::feed::query::FeedQuery;
use crate::feed::stage::{QueryHydrator, StageError};
use crate::ranking::learner::factors::DIMENSIONS;
use crate::ranking::learner::feed::{HEADS, Head};
use crate::ranking::learner::parts::{KNOWN_MAX, ViewerPart};
use crate::ranking::value::{Head as Value, ValueModel};

/// The viewer's share of the scores of a page.
#[derive(Clone, Debug)]
pub struct LearnedViewer {
    /// The share.
    pub part: ViewerPart,
    /// How far each head is to be believed.
    pub trust: [f32; HEADS],
    /// Where clips lie that its vector speaks for.
    pub direction: [f32; DIMENSIONS],
}

/// What the value of a clip changes by for each unit of a head's log-odds, where everything is as usual:
/// `weight · p · (1 − p)`.
fn slopes(model: &ValueModel, usual: &[f32; HEADS]) -> [f32; HEADS] {
    let weight = |head: Value| model.weights[head as usize];
    let tap = usual[Head::TagTap as usize];
    Head::ALL.map(|head| {
        let weight = match head {
            Head::Skip => weight(Value::Skip),
            Head::Finish => weight(Value::Finish),
            Head::Watch25 | Head::Watch50 | Head::Watch75 => weight(Value::Watched) / 3.0,
            Head::Like => weight(Value::Like),
            Head::Share => weight(Value::Share),
            Head::Follow => weight(Value::Follow),
            Head::TagTap => weight(Value::Tap),
            Head::AddToCart => weight(Value::Cart) * tap,
            Head::Buy => weight(Value::Buy) * tap,
            Head::NotInterested => weight(Value::NotInterested),
        };
        let p = usual[head as usize];
        weight * p * (1.0 - p)
    })
}

/// Fills in the viewer's share, once the heads are worth asking. It comes after the tastes, whose strongest
/// say what the viewer has a history with.
pub struct ViewerShare {
    index: SharedIndex,
}

impl ViewerShare {
    /// Over this index.
    pub fn new(index: SharedIndex) -> Self {
        Self { index }
    }
}

/// Kinds and keys of what the viewer has a history with, the strongest taste first, for or against.
fn known(query: &FeedQuery, index: &Index) -> Vec<(usize, u64)> {
    let strength = |(entity, value): (Entity, f32)| (value.abs(), index.entity_key(entity), entity);
    let mut tastes: Vec<(f32, u64, Entity)> = query.tastes.iter().map(strength).collect();
    // Of equals by what does not depend on the order in which the index came to know them.
    let stronger =
        |a: &(f32, u64, Entity), b: &(f32, u64, Entity)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if tastes.len() > KNOWN_MAX {
        tastes.select_nth_unstable_by(KNOWN_MAX, stronger);
        tastes.truncate(KNOWN_MAX);
    }
    tastes.sort_unstable_by(stronger);
    tastes.iter().flat_map(|&(_, _, entity)| index.learned_keys(entity)).take(KNOWN_MAX).collect()
}

#[async_trait]
impl QueryHydrator for ViewerShare {
    fn name(&self) -> &'static str {
        "viewer_share"
    }

    async fn hydrate(&self, query: &mut FeedQuery) -> Result<(), StageError> {
        let index = self.index.read();
        let learned = index.learned();
        let trust = learned.trust();
        if trust.iter().all(|trust| *trust == 0.0) {
            query.learned = None;
            return Ok(());
        }
        let (keys, trace) = learned.viewer(query.viewer, query.market, query.personalised);
        let known = known(query, &index);
        let part = learned.heads().viewer_part(&keys, &trace, &known, query.now.unix_ms());
        let direction = part.direction(&slopes(&query.values.model, &learned.heads().usual()));
        query.learned = Some(Arc::new(LearnedViewer { part, trust, direction }));
        Ok(())
    }
}
