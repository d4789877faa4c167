//! What does a feed page of ten clips with product tags cost, and does that grow with the corpus?
//!
//! - **in process**: `FeedPages::page` over 10 k, 100 k and 1 M clips (or the numbers on the command
//!   line), warm: viewers with a history, sessions of five pages. Unit: microseconds of processor time
//!   per page over all threads, the store's writer included.
//! - **memory**: bytes per indexed clip, and per viewer of whom something was learned.
//! - **over HTTP**, 100 k clips, the real router, layers and server on loopback, the client in a process
//!   of its own: processor time of the server per request and requests per second, against a handler on
//!   the same stack that returns the same bytes ready-made, in turns; then the 99th percentile at half
//!   of the saturated rate.
//! - **cold start**: seconds from a filled store to a built index, 100 k clips.
//!
//! `cargo bench --bench feed_page [-- 10000 100000]`

mod client;
mod http;
mod in_process;
mod world;

#[expect(dead_code, reason = "the bench uses a part of it")]
#[path = "../../tests/support/mod.rs"]
mod support;

const IS_CLUSTER: bool = false;

use mimalloc::MiMalloc;

// As the `vitrine` command does.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|word| word == "client") {
        client::main(&arguments[2..]);
        return;
    }
    if arguments.get(1).is_some_and(|word| word == "memory") {
        in_process::memory(arguments[2].parse().expect("a number of clips"));
        return;
    }
    // `cargo test --all-targets` starts benches too, without this word: nothing is measured then.
    if !arguments.iter().any(|word| word == "--bench") {
        return;
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    let costs: Vec<f64> = sizes.iter().map(|size| in_process::measure(*size)).collect();
    if let (Some(first), Some(last)) = (costs.first(), costs.last()) {
        print(&format!(
            "growth from {} to {}: {:.2}×",
            sizes[0],
            sizes[sizes.len() - 1],
            last / first
        ));
    }
    in_process::measure_memory();
    http::measure(100_000);
}

/// A line of the report.
#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
pub fn print(line: &str) {
    println!("{line}");
}

/// Processor time of this process so far in seconds; the kernel counts hundredths.
pub fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let after = text.rsplit(')').next().expect("it has fields");
    let field = |place: usize| -> f64 {
        after.split_whitespace().nth(place).and_then(|word| word.parse().ok()).unwrap_or_default()
    };
    (field(11) + field(12)) / 100.0
}

/// Resident memory in bytes.
pub fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0)
        * 4_096
}
