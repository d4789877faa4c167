//! The embedded shape: everything in one data directory.

use std::sync::Arc;

use crate::adapters::embedded::Embedded;
use crate::adapters::fs::spool::FsSpool;
use crate::adapters::images::ImageCrate;
use crate::adapters::s3_server::S3HttpService;
use crate::adapters::system::{KeyRing, LocalLeases, OsEntropy, SystemClock};
use crate::app::Backends;
use crate::app::feed::FeedBackends;
use crate::app::parts::{self, Layout, StartError};
use crate::app::shop::ShopBackends;
use crate::config::Config;
use crate::ports::clock::Clock;
use crate::telemetry::figures::Figures;

/// Opens everything in the data directory.
pub async fn open(config: &Config) -> Result<Backends, StartError> {
    Ok(open_all(config).await?.0)
}

/// The same, with the object store's service for outside tools if `objects.listen` asks for it.
pub async fn open_all(config: &Config) -> Result<(Backends, Option<S3HttpService>), StartError> {
    let layout = Layout::open(config)?;
    let failed = |part: &'static str| move |cause| StartError::Part { part, cause };
    // The store first: its lock keeps a second process away from all the rest.
    let figures = Arc::new(Figures::new());
    let store = Embedded::open(&layout.store())?.measured(figures.calls.clone());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut tokens = parts::tokens(&layout, config)?;
    parts::trust(&mut tokens, config).await?;
    let spool = FsSpool::open(layout.uploads()).map_err(failed("uploads"))?;
    let (objects, service) = parts::objects(&layout, config, &clock).map_err(failed("objects"))?;
    let backends = Backends {
        shared: false,
        figures,
        health: Arc::new(store.clone()),
        accounts: Arc::new(store.clone()),
        changes: Arc::new(store.clone()),
        clips: Arc::new(store.clone()),
        jobs: Arc::new(store.clone()),
        leases: Arc::new(LocalLeases::default()),
        uploads: Arc::new(store.clone()),
        spool: Arc::new(spool),
        objects: Arc::new(objects),
        transcoder: Arc::new(parts::transcoder(config).map_err(failed("transcoder"))?),
        images: Arc::new(ImageCrate),
        scratch: parts::scratch(&layout).map_err(failed("scratch"))?,
        clock,
        feed: FeedBackends::embedded(&store),
        shop: ShopBackends::embedded(&store),
        entropy: Arc::new(OsEntropy::new()),
        signer: Arc::new(KeyRing::open(&layout.keys())?),
        tokens: Arc::new(tokens),
    };
    Ok((backends, service))
}

/// What is wrong with the store's file, one line each. No server may have it open.
pub fn verify_file(layout: &Layout) -> Result<Vec<String>, StartError> {
    if Embedded::verify(&layout.store())? {
        return Ok(Vec::new());
    }
    Ok(vec!["store: pages with wrong checksums were found and repaired".to_owned()])
}
