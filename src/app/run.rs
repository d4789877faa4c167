//! Runs an assembled engine: the server, its background work, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::adapters::s3_server::S3HttpService;
use crate::adapters::system::SystemClock;
use crate::app::parts::StartError;
use crate::app::traces::{self, Exporting};
use crate::app::{App, Backends, Opened, Settings, assemble, cluster, observe, reload};
use crate::config::Config;
use crate::domain::account::Scope;
use crate::domain::limits::FEED_SESSION_TTL_MS_MAX;
use crate::domain::time::DAY_MS;
use crate::http::server;
use crate::lifecycle::Tasks;
use crate::ports::clock::Clock as _;
use crate::ports::error::StoreError;
use crate::ports::health::StoreHealth;
use crate::ports::leases::Office;
use crate::services::training::Training;
use crate::telemetry::export::ExportFault;
use crate::worker::reconcilers::{self, Officer};

/// How often the ranking's history is made durable. What a crash loses makes as many slates unrepeatable,
/// and each flush of a busy shop is an object; a replay flushes by itself.
const HISTORY_FLUSH_EVERY: Duration = Duration::from_secs(5);
/// Old parts are looked for every so many flushes: about each ten minutes.
const HISTORY_TIDY_EVERY: u32 = 120;
/// Objects that are forgotten at once.
const HISTORY_FORGET_MAX: usize = 500;
/// A history is kept as long as any slate of its process can be: twice the longest session.
const HISTORY_AGE_MS_MAX: i64 = 2 * FEED_SESSION_TTL_MS_MAX + DAY_MS;

/// How often it is looked at whether what is learned still makes sense.
const MODEL_LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long storing a model may take.
const MODEL_DEADLINE: Duration = Duration::from_mins(1);
/// The same at the end of a process, which must not wait for a store that is away.
const LAST_MODEL_DEADLINE: Duration = Duration::from_secs(5);
/// How often the model that a process began with is kept from being forgotten.
const MODEL_KEEP_EVERY: Duration = Duration::from_mins(30);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part cannot be put together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Traces cannot be exported.
    #[error(transparent)]
    Traces(#[from] ExportFault),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Store(#[source] StoreError),
    /// Signals cannot be caught.
    #[error("signals cannot be caught")]
    Signals(#[source] std::io::Error),
}

/// A token could not be signed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a token cannot be signed with the installation's key")]
pub struct TokenFault;

/// A running engine.
pub struct Running {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The address of the object store, if outside tools reach it.
    pub objects_address: Option<SocketAddr>,
    /// Where clients reach it.
    pub public_url: String,
    /// The engine.
    pub app: App,
    /// Its tasks.
    pub tasks: Tasks,
    drain: Duration,
    exporting: Exporting,
}

/// What a node is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Everything: the API, and work in the background.
    Server,
    /// Work in the background; over HTTP it only tells whether it lives and works.
    Worker,
}

/// Starts everything that `config` asks for.
///
/// A worker keeps the feed's index as a server does: what it finishes for buyers is taken in there.
pub async fn start(config: &Config, role: Role) -> Result<Running, RunError> {
    let raw = &config.raw;
    if role == Role::Worker && !cluster::is_configured(config) {
        return Err(StartError::NoCluster("worker").into());
    }
    let listener = listen(&raw.server.listen).await?;
    let address = local_address(&listener, &raw.server.listen)?;
    let public_url = match raw.server.public_url.trim_end_matches('/') {
        "" => server::url_of(address),
        url => url.to_owned(),
    };
    let Opened { backends, background, objects } = crate::app::open(config).await?;
    let mut settings = Settings::new(config, &public_url);
    // With a public URL something stands in front, and then requests of others come from here too.
    settings.metrics_open |= address.ip().is_loopback() && raw.server.public_url.is_empty();
    let (traces, exporting) = traces::start(&raw.traces, &backends)?;
    settings.traces = traces;
    let app = assemble(&backends, &settings);
    app.indexing.rebuild().await.map_err(RunError::Store)?;
    let tasks = Tasks::new();
    for work in background {
        let running = (work.run)(tasks.stop().clone());
        tasks.spawn(work.name, async move {
            running.await;
            Ok::<(), std::convert::Infallible>(())
        });
    }
    let linger = Duration::from_millis(raw.server.linger_ms);
    tasks.stop_on_signals(farewell(&app, linger)).map_err(RunError::Signals)?;
    let drain = Duration::from_millis(raw.server.drain_ms);
    let router = if role == Role::Server { app.router.clone() } else { app.probes.clone() };
    answer(&tasks, &app, (listener, router), raw.server.connections_max, drain);
    let objects_address = match objects {
        Some(service) => Some(serve_objects(&tasks, config, service).await?),
        None => None,
    };
    follow_changes(&tasks, &app);
    keep_history(&tasks, &app, role);
    reload::follow_file(&tasks, &app, config).map_err(RunError::Signals)?;
    if backends.shared {
        follow_events(&tasks, &app);
    }
    keep_house(&tasks, &app, &backends).await;
    train(&tasks, &app, &backends, Duration::from_millis(raw.feed.model_interval_ms));
    watch_store(&tasks, Arc::clone(&backends.health));
    audit(&tasks, &app, Duration::from_millis(raw.metrics.audit_interval_ms));
    let leftovers = app.api.uploads.sweep().await.map_err(RunError::Store)?;
    if leftovers > 0 {
        tracing::info!(leftovers, "removed pieces of uploads that no record knows");
    }
    for _ in 0..raw.media.workers {
        let (runner, stop) = (Arc::clone(&app.runner), tasks.stop().clone());
        tasks.spawn("media worker", async move { runner.run(stop).await });
    }
    app.api.server.ready.store(true, Ordering::Release);
    Ok(Running { address, objects_address, public_url, app, tasks, drain, exporting })
}

impl Running {
    /// A token for `subject`.
    pub fn token(
        &self,
        subject: &str,
        scopes: &[Scope],
        ttl_ms: i64,
    ) -> Result<String, TokenFault> {
        let issued = self.app.api.access.issue(subject, scopes, ttl_ms);
        issued.map(|issued| issued.token).map_err(|_| TokenFault)
    }

    /// Waits for the end; `false` if a task failed.
    pub async fn finish(&self) -> bool {
        let sound = self.tasks.finish(self.drain + Duration::from_secs(5)).await;
        self.app.api.uploads.drain().await;
        self.exporting.finish().await;
        sound
    }
}

/// Lets outside tools reach the embedded object store; answers where.
async fn serve_objects(
    tasks: &Tasks,
    config: &Config,
    service: S3HttpService,
) -> Result<SocketAddr, RunError> {
    let raw = &config.raw;
    let listener = listen(&raw.objects.listen).await?;
    let address = local_address(&listener, &raw.objects.listen)?;
    let (stop, drain) = (tasks.stop().clone(), Duration::from_millis(raw.server.drain_ms));
    let connections_max = raw.server.connections_max;
    tasks.spawn("objects", async move {
        server::serve(listener, service, connections_max, stop, drain).await;
        Ok::<(), std::convert::Infallible>(())
    });
    tracing::info!(%address, "the object store listens");
    Ok(address)
}

fn local_address(listener: &TcpListener, address: &str) -> Result<SocketAddr, RunError> {
    let told = listener.local_addr();
    told.map_err(|cause| RunError::Listen { address: address.to_owned(), cause })
}

/// Sends load balancers elsewhere and gives them time to notice.
fn farewell(app: &App, linger: Duration) -> impl Future<Output = ()> + use<> {
    let server = Arc::clone(&app.api.server);
    async move {
        server.ready.store(false, Ordering::Release);
        tokio::time::sleep(linger).await;
    }
}

/// Answers requests until the stop, then lets open ones finish.
fn answer(
    tasks: &Tasks,
    app: &App,
    (listener, router): (TcpListener, Router),
    connections_max: usize,
    drain: Duration,
) {
    let (stop, ready) = (tasks.stop().clone(), Arc::clone(&app.api.server));
    tasks.spawn("http", async move {
        let draining = stop.clone();
        let unready = async move {
            draining.cancelled().await; // Also when a task failed, without a signal.
            ready.ready.store(false, Ordering::Release);
        };
        let service = TowerToHyperService::new(router);
        tokio::join!(server::serve(listener, service, connections_max, stop, drain), unready);
        Ok::<(), std::convert::Infallible>(())
    });
}

/// Keeps the feed's index true: a change is in it milliseconds after it was written.
fn follow_changes(tasks: &Tasks, app: &App) {
    let (indexing, stop) = (Arc::clone(&app.indexing), tasks.stop().clone());
    tasks.spawn("indexing", async move {
        while !stop.is_cancelled() {
            match indexing.catch_up().await {
                Ok(_) => {}
                Err(error @ StoreError::Corrupt { .. }) => return Err(error), // Waiting heals nothing.
                Err(error) => {
                    tracing::warn!(%error, "the index lags behind the change log");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = indexing.wait() => {}
            }
        }
        if let Err(error) = indexing.snapshot().await {
            tracing::warn!(%error, "the counters will be replayed at the next start");
        }
        Ok(())
    });
}

/// Makes durable, a moment later, in which steps the ranking's state comes about. A worker serves no pages.
fn keep_history(tasks: &Tasks, app: &App, role: Role) {
    let (steps, stop) = (Arc::clone(&app.steps), tasks.stop().clone());
    if role == Role::Worker {
        steps.close();
        return;
    }
    tasks.spawn("ranking history", async move {
        let mut since_tidying: u32 = 0;
        while !stop.is_cancelled() {
            if let Err(error) = steps.flush().await {
                tracing::warn!(%error, "the ranking's history is not kept yet");
            }
            since_tidying += 1;
            if since_tidying == HISTORY_TIDY_EVERY {
                since_tidying = 0;
                let before = SystemClock.now().plus_ms(-HISTORY_AGE_MS_MAX);
                if let Err(error) = steps.forget(before, HISTORY_FORGET_MAX).await {
                    tracing::warn!(%error, "old parts of the ranking's history stay for now");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(HISTORY_FLUSH_EVERY) => {}
            }
        }
        if let Err(error) = steps.flush().await {
            tracing::warn!(%error, "the last slates cannot be recomputed");
        }
        Ok::<(), std::convert::Infallible>(())
    });
}

/// Runs the reconcilers while this node keeps house.
async fn keep_house(tasks: &Tasks, app: &App, backends: &Backends) {
    let (leases, clock) = (Arc::clone(&backends.leases), Arc::clone(&backends.clock));
    let holder = backends.entropy.bits();
    let housekeeper = Officer::new(Office::Housekeeper, leases, clock, holder);
    housekeeper.renew().await;
    for reconciler in &app.reconcilers {
        let (reconciler, stop) = (Arc::clone(reconciler), tasks.stop().clone());
        tasks.spawn(reconciler.name(), reconcilers::run(reconciler, housekeeper.clone(), stop));
    }
    tasks.spawn("housekeeper", housekeeper.run(tasks.stop().clone()));
}

/// Watches over what is learned and, on the node that is the trainer, stores it now and then.
fn train(tasks: &Tasks, app: &App, backends: &Backends, interval: Duration) {
    let (leases, clock) = (Arc::clone(&backends.leases), Arc::clone(&backends.clock));
    let trainer = Officer::new(Office::Trainer, leases, clock, backends.entropy.bits());
    // The office is held until the last model is stored.
    let office = CancellationToken::new();
    tasks.spawn("trainer's office", trainer.clone().run(office.clone()));
    let (training, stop) = (Arc::clone(&app.training), tasks.stop().clone());
    tasks.spawn("trainer", async move {
        let _held = office.drop_guard();
        let mut stored_at = tokio::time::Instant::now();
        let mut kept_at = stored_at;
        loop {
            let is_last = stop.is_cancelled();
            if let Err(error) = training.guard().await {
                tracing::warn!(%error, "the last good model is not back yet");
            }
            if kept_at.elapsed() >= MODEL_KEEP_EVERY {
                kept_at = tokio::time::Instant::now();
                if let Err(error) = training.keep().await {
                    tracing::warn!(%error, "the model that this process began with may be forgotten");
                }
            }
            // At the end too: a restart then goes on where this process stopped.
            if trainer.is_on_duty() && (is_last || stored_at.elapsed() >= interval) {
                stored_at = tokio::time::Instant::now();
                store_model(&training, if is_last { LAST_MODEL_DEADLINE } else { MODEL_DEADLINE }).await;
            }
            if is_last {
                return Ok::<(), std::convert::Infallible>(());
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(MODEL_LOOK_EVERY) => {}
            }
        }
    });
}

async fn store_model(training: &Training, deadline: Duration) {
    let before = SystemClock.now().plus_ms(-HISTORY_AGE_MS_MAX);
    let forgotten = tokio::time::timeout(deadline, training.forget(before)).await;
    if !matches!(forgotten, Ok(Ok(_))) {
        tracing::warn!("old models stay for now");
    }
    match tokio::time::timeout(deadline, training.store()).await {
        Ok(Ok(true)) => tracing::debug!("what was learned is stored"),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "what was learned is not stored yet"),
        Err(_) => tracing::warn!("what was learned is not stored yet: it takes too long"),
    }
}

/// Takes in what viewers do on other nodes, milliseconds after it is in the log.
fn follow_events(tasks: &Tasks, app: &App) {
    let (engagement, stop) = (Arc::clone(&app.api.engagement), tasks.stop().clone());
    tasks.spawn("events", async move {
        while !stop.is_cancelled() {
            if let Err(error) = engagement.catch_up().await {
                tracing::warn!(%error, "the feed lags behind the event log");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = engagement.wait() => {}
            }
        }
        Ok::<(), std::convert::Infallible>(())
    });
}

/// Checks the laws between the stores now and then, and shows what it finds among the figures.
fn audit(tasks: &Tasks, app: &App, interval: Duration) {
    if interval.is_zero() {
        return;
    }
    let (ledger, figures) = (Arc::clone(&app.api.shop.ledger), Arc::clone(&app.api.figures));
    let stop = tasks.stop().clone();
    tasks.spawn("audit", async move {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                laws = ledger.invariants() => observe::audited(&figures.shop, laws),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(interval) => {}
            }
        }
        Ok::<(), std::convert::Infallible>(())
    });
}

/// Ends the process when the store can no longer write: a restart is what helps.
fn watch_store(tasks: &Tasks, health: Arc<dyn StoreHealth>) {
    let stop = tasks.stop().clone();
    tasks.spawn("store", async move {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = health.failed() => Err("the disk refused a commit"),
        }
    });
}

async fn listen(address: &str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| RunError::Listen { address: address.to_owned(), cause })
}
