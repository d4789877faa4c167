//! The settings of the ranking that may change while the engine runs.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::ranking::diversity::SlateRules;
use crate::ranking::order::mix;
use crate::ranking::value::ValueModel;

/// All of them, as one page sees them.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Values {
    /// What actions are worth.
    pub model: ValueModel,
    /// What keeps a slate varied.
    pub rules: SlateRules,
}

impl Values {
    /// What slates record: it tells apart all settings that may change a page, those of the list of
    /// stages ([`crate::feed::shop_feed::STAGES`]) included.
    pub fn digest(&self) -> u64 {
        let stages = mix(crate::feed::shop_feed::STAGES);
        mix(self.model.digest() ^ mix(self.rules.digest()) ^ stages)
    }
}

/// The settings of now. Whoever makes a page takes them once; a new set acts from the next page on.
#[derive(Debug, Default)]
pub struct LiveValues(RwLock<Arc<Values>>);

impl LiveValues {
    /// Beginning with these.
    pub fn new(values: Values) -> Self {
        Self(RwLock::new(Arc::new(values)))
    }

    /// Those of now.
    pub fn get(&self) -> Arc<Values> {
        Arc::clone(&self.0.read())
    }

    /// Replaces them; `false` if they are what they were.
    pub fn set(&self, values: Values) -> bool {
        let mut now = self.0.write();
        if **now == values {
            return false;
        }
        *now = Arc::new(values);
        true
    }
}
