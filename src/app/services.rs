//! Services over backends: each gets only the ports it uses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::adapters::public_urls::PublicUrls;
use crate::app::feed;
use crate::app::observe;
use crate::app::shop::{self, Commons};
use crate::app::{Backends, Settings};
use crate::feed::values::LiveValues;
use crate::http::{Api, ServerInfo};
use crate::ports::ranking_steps::RankingSteps;
use crate::services::access::Access;
use crate::services::accounts::Accounts;
use crate::services::clips::{ClipPorts, Clips};
use crate::services::indexing::Indexing;
use crate::services::media::Media;
use crate::services::media_grants::MediaGrants;
use crate::services::publish::Publish;
use crate::services::purchases::PurchaseEvents;
use crate::services::shelf_cache::ShelfCache;
use crate::services::training::Training;
use crate::services::uploads::Uploads;
use crate::worker::media::MediaJobs;
use crate::worker::reconcilers::{ExpireUploads, Reconciler};
use crate::worker::runner::Runner;

/// What is built from backends.
pub(super) struct Services {
    pub(super) api: Api,
    pub(super) runner: Arc<Runner>,
    pub(super) indexing: Arc<Indexing>,
    pub(super) reconcilers: Vec<Arc<dyn Reconciler>>,
    pub(super) values: Arc<LiveValues>,
    pub(super) steps: Arc<dyn RankingSteps>,
    /// Stores what was learned.
    pub(super) training: Arc<Training>,
}

fn accounts(backends: &Backends, settings: &Settings) -> Arc<Accounts> {
    Arc::new(Accounts::new(
        Arc::clone(&backends.accounts),
        Arc::clone(&backends.changes),
        Arc::clone(&backends.clock),
        settings.default_market,
    ))
}

pub(super) fn build(backends: &Backends, settings: &Settings) -> Services {
    let mut backends = observe::observed(backends);
    let catalog = PublicUrls::new(Arc::clone(&backends.shop.catalog), settings.public_url.clone());
    backends.shop.catalog = Arc::new(catalog);
    let backends = &backends;
    let grants = Arc::new(MediaGrants::new(
        Arc::clone(&backends.signer),
        settings.public_url.clone(),
        settings.grant_ttl_ms,
    ));
    let accounts = accounts(backends, settings);
    let uploads = Arc::new(Uploads::new(
        Arc::clone(&backends.uploads),
        Arc::clone(&backends.spool),
        Arc::clone(&backends.objects),
        Arc::clone(&backends.clock),
        Arc::clone(&backends.entropy),
        settings.uploads,
    ));
    // A node of a cluster keeps what previews read; an embedded store is as near as a cache.
    let shelf = backends.shared.then(|| {
        let catalog = Arc::clone(&backends.shop.catalog);
        Arc::new(ShelfCache::new(catalog, Arc::clone(&backends.accounts)))
    });
    let links = Arc::clone(&grants) as _;
    let feed = feed::feed(backends, settings, &accounts, links, shelf.clone());
    let purchases = Arc::new(PurchaseEvents::new(Arc::clone(&feed.engagement)));
    let policy = Arc::clone(&settings.shop);
    let api = Api {
        access: access(backends),
        clips: Arc::new(Clips::new(
            clip_ports(backends),
            Arc::clone(&accounts),
            Arc::clone(&uploads),
        )),
        media: Arc::new(Media::new(
            Arc::clone(&backends.objects),
            grants,
            Arc::clone(&backends.images),
            settings.public_url.clone(),
            Arc::clone(&backends.clock),
            Arc::clone(&backends.entropy),
        )),
        accounts,
        uploads,
        feed: Arc::clone(&feed.pages),
        receipts: Arc::clone(&feed.receipts),
        replays: Arc::clone(&feed.replays),
        engagement: Arc::clone(&feed.engagement),
        social: Arc::clone(&feed.social),
        viewers: Arc::clone(&feed.viewers),
        shop: shop::shop(&backends.shop, &commons(backends), policy, purchases, shelf),
        vitals: Arc::clone(&feed.vitals),
        figures: Arc::clone(&backends.figures),
        server: Arc::new(ServerInfo {
            public_url: settings.public_url.clone(),
            guests: settings.guests,
            metrics_open: settings.metrics_open,
            ready: AtomicBool::new(false),
        }),
    };
    let mut reconcilers = shop::reconcilers(&api.shop);
    reconcilers.extend(feed::reconcilers(&feed, backends));
    let clock = Arc::clone(&backends.clock);
    reconcilers.push(Arc::new(ExpireUploads::new(Arc::clone(&api.uploads), clock)));
    let runner = runner(backends);
    let feed::FeedServices { indexing, values, steps, training, .. } = feed;
    Services { api, runner, indexing, reconcilers, values, steps, training }
}

fn access(backends: &Backends) -> Arc<Access> {
    Arc::new(Access::new(
        Arc::clone(&backends.tokens),
        Arc::clone(&backends.signer),
        Arc::clone(&backends.clock),
        Arc::clone(&backends.entropy),
    ))
}

fn commons(backends: &Backends) -> Commons {
    Commons {
        accounts: Arc::clone(&backends.accounts),
        changes: Arc::clone(&backends.changes),
        clock: Arc::clone(&backends.clock),
        entropy: Arc::clone(&backends.entropy),
        signer: Arc::clone(&backends.signer),
    }
}

fn clip_ports(backends: &Backends) -> ClipPorts {
    ClipPorts {
        store: Arc::clone(&backends.clips),
        catalog: Arc::clone(&backends.shop.catalog),
        jobs: Arc::clone(&backends.jobs),
        changes: Arc::clone(&backends.changes),
        clock: Arc::clone(&backends.clock),
        entropy: Arc::clone(&backends.entropy),
        signer: Arc::clone(&backends.signer),
    }
}

fn runner(backends: &Backends) -> Arc<Runner> {
    let publish = Arc::new(Publish::new(
        Arc::clone(&backends.clips),
        Arc::clone(&backends.changes),
        Arc::clone(&backends.clock),
    ));
    let media = Arc::new(MediaJobs::new(
        publish,
        Arc::clone(&backends.objects),
        Arc::clone(&backends.transcoder),
        backends.scratch.clone(),
    ));
    let (jobs, clock) = (Arc::clone(&backends.jobs), Arc::clone(&backends.clock));
    Arc::new(Runner::new(jobs, clock, media))
}
