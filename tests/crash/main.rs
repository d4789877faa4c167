//! The real program under SIGKILL: whatever it acknowledged is there after the next start.
//!
//! Each round starts `vitrine serve`, audits, lets traffic run, and kills the process at a random
//! moment, now and then while it still starts. A kind of traffic is a [`Traffic`]: it makes requests,
//! notes what was acknowledged, and audits that. To add one: implement the trait, add a line to
//! `all_traffic`.
//!
//! The moments come from a seed that is printed on failure; `CRASH_SEED` repeats them.
//!
//! Beside it stand other things that only the real program shows: how long a stop takes (`stop`) and what
//! it sends to a collector of traces (`traces`).

mod collector;
mod profiles;
mod purchases;
mod server;
mod stop;
mod traces;
mod traffic;
mod uploads;

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;
use rand_core::SeedableRng;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vitrine::adapters::system::OsEntropy;
use vitrine::ports::entropy::Entropy as _;

use crate::profiles::Profiles;
use crate::purchases::Purchases;
use crate::server::Server;
use crate::traffic::Client;
use crate::traffic::Traffic;
use crate::uploads::RawUploads;
use crate::uploads::VideoUploads;

/// How often the process is killed.
const ROUNDS: u32 = 20;
/// The requirement: so long after a start at most, requests are served again. Held against the median
/// of all starts, so that a moment in which the machine was busy elsewhere does not fail it.
const START_MAX: Duration = Duration::from_secs(2);
/// Longest time from readiness to a kill.
const LIFE_MS_MAX: u32 = 500;
/// Every so many rounds the process is killed while it starts.
const EARLY_KILL_EVERY: u32 = 5;
/// Longest life of such a process.
const EARLY_LIFE_MS_MAX: u32 = 60;

fn all_traffic(server: &Server, seed: u64) -> Vec<Arc<dyn Traffic>> {
    let mut all: Vec<Arc<dyn Traffic>> = Vec::new();
    for n in 0..2 {
        let token = server.token(&format!("raw-{n}"), "creator");
        all.push(Arc::new(RawUploads::new(server.data(), token, seed ^ n)));
    }
    for n in 0..2 {
        let token = server.token(&format!("video-{n}"), "creator");
        all.push(Arc::new(VideoUploads::new(token, seed ^ n)));
    }
    for n in 0..2 {
        let token = server.token(&format!("profile-{n}"), "creator");
        all.push(Arc::new(Profiles::new(token)));
    }
    for n in 0..2 {
        let merchant = server.token(&format!("merchant-{n}"), "merchant");
        let buyer = server.token(&format!("buyer-{n}"), "viewer");
        all.push(Arc::new(Purchases::new(merchant, buyer)));
    }
    all
}

/// Prints the seed when the test fails.
struct Seed(u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "the seed belongs to the failed test's output")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat it with CRASH_SEED={}", self.0);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a failure is repeated by its seed")]
fn seed() -> u64 {
    let given = std::env::var("CRASH_SEED").ok();
    given.map_or_else(|| OsEntropy::new().seed(), |text| text.parse().expect("a number"))
}

/// Runs all traffic until the process is killed, `life` from now.
async fn run_and_kill(
    server: &mut Server,
    client: &Client,
    all: &[Arc<dyn Traffic>],
    life: Duration,
) {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    for traffic in all {
        let (traffic, client, stop) = (Arc::clone(traffic), client.clone(), stop.clone());
        tasks.spawn(async move {
            while !stop.is_cancelled() {
                if traffic.step(&client).await.is_none() {
                    // Nothing to do, or the server is gone: look again in a moment.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        });
    }
    tokio::time::sleep(life).await;
    server.kill();
    stop.cancel();
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// The HTTP client wants to know, though nothing here is encrypted. The first test's choice stays.
fn choose_cryptography() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_the_process() {
    choose_cryptography();
    let seed = Seed(seed());
    let mut chance = ChaCha8Rng::seed_from_u64(seed.0);
    let mut server = Server::new();
    let all = all_traffic(&server, seed.0);
    let mut starts = Vec::new();
    for round in 1..=ROUNDS {
        if round % EARLY_KILL_EVERY == 0 {
            let life = chance.next_u32() % EARLY_LIFE_MS_MAX;
            server.start_and_kill(Duration::from_millis(life.into())).await;
        }
        let (url, took) = server.start().await;
        starts.push(took);
        let client = Client::new(&url);
        for traffic in &all {
            traffic.audit(&client).await;
        }
        let life = Duration::from_millis((chance.next_u32() % LIFE_MS_MAX).into());
        run_and_kill(&mut server, &client, &all, life).await;
    }

    let (url, took) = server.start().await;
    starts.push(took);
    let client = Client::new(&url);
    for traffic in &all {
        traffic.audit(&client).await;
        traffic.finish(&client).await;
    }
    server.terminate();
    let mut facts = 0;
    for traffic in &all {
        traffic.inspect();
        facts += traffic.facts();
    }
    server.check();
    assert!(facts > u64::from(ROUNDS) * 10, "only {facts} requests were acknowledged: too few");
    starts.sort_unstable();
    let (median, slowest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    tell(&format!(
        "{ROUNDS} kills, {facts} acknowledged requests, starts {median:?} to {slowest:?}"
    ));
    assert!(median <= START_MAX, "half of the starts took more than {median:?}");
}

#[expect(clippy::print_stdout, reason = "a test's own summary, shown with --nocapture")]
fn tell(text: &str) {
    println!("{text}");
}
