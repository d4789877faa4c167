//! Puts measuring wrappers around the ports whose calls are business.

use std::sync::Arc;

use crate::adapters::observed::{
    ObservedBank, ObservedJournal, ObservedObjects, ObservedOrders, ObservedSessions,
    ObservedStock, ObservedTranscoder,
};
use crate::app::Backends;
use crate::domain::time::Timestamp;
use crate::feed::candidate::SourceKind;
use crate::ports::error::StoreError;
use crate::ports::payments::PaymentProvider;
use crate::services::ledger::Invariant;
use crate::telemetry::figures::Shop;

fn source(number: u8) -> &'static str {
    SourceKind::from_number(number).as_str()
}

/// The same backends, measured by their figures.
pub(super) fn observed(backends: &Backends) -> Backends {
    let mut observed = backends.clone();
    let figures = || Arc::clone(&backends.figures);
    let objects = Arc::clone(&backends.objects);
    observed.objects = Arc::new(ObservedObjects::new(objects, backends.figures.calls.clone()));
    let transcoder = Arc::clone(&backends.transcoder);
    observed.transcoder = Arc::new(ObservedTranscoder::new(transcoder, figures()));
    let sessions = Arc::clone(&backends.feed.sessions);
    observed.feed.sessions = Arc::new(ObservedSessions::new(sessions, figures(), source));
    let inventory = Arc::clone(&backends.shop.inventory);
    observed.shop.inventory = Arc::new(ObservedStock::new(inventory, figures()));
    let orders = Arc::clone(&backends.shop.orders);
    observed.shop.orders = Arc::new(ObservedOrders::new(orders, figures()));
    let journal = Arc::clone(&backends.shop.journal);
    observed.shop.journal = Arc::new(ObservedJournal::new(journal, figures()));
    let bank = |provider: &Arc<dyn PaymentProvider>| -> Arc<dyn PaymentProvider> {
        Arc::new(ObservedBank::new(Arc::clone(provider), figures()))
    };
    observed.shop.providers = backends.shop.providers.iter().map(bank).collect();
    observed
}

/// Shows what an audit found.
pub(super) fn audited(figures: &Shop, laws: Result<(Vec<Invariant>, Timestamp), StoreError>) {
    match laws {
        Ok((laws, _)) => {
            for law in laws {
                for violation in &law.violations {
                    tracing::error!(law = law.name, violation, "a law between stores is broken");
                }
                figures.audited(law.name, law.checked, law.violations.len() as u64);
            }
            figures.audit("done");
        }
        Err(error) => {
            tracing::warn!(%error, "the audit will be tried again");
            figures.audit("failed");
        }
    }
}
