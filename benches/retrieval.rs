//! What does finding clips by learned vectors cost against looking at all of them, how much of the best
//! hundred is found, and what does it cost to keep the index up to date?
//!
//! 10 k, 100 k and 1 M vectors of 8 and 32 components, in clusters, normal, and of very different
//! lengths. Units: recall@100 against exact search, on average and of the worst query; vectors scored a
//! query; microseconds a query on one thread, the quickest of nine rounds, as the exact scan of the same
//! vectors, measured in turns with it; microseconds a change, on average and what 999 of 1 000 do not
//! exceed; the most vectors and means that one change has looked at; bytes a vector.
//!
//! `cargo bench --bench retrieval [-- VECTORS_MAX]`

use std::fmt::Write as _;

use tokio::time::Instant;
use vitrine::ranking::embedding::{Effort, Embeddings, Room};
use vitrine::ranking::order::mix;

const QUERIES: usize = 64;
const ROUNDS: usize = 9;
const MOVES: usize = 20_000;
const WANTED: usize = 100;
const KINDS: [&str; 3] = ["clusters", "normal", "lengths"];

fn main() {
    // `cargo test --all-targets` starts benches too, without this word: nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let count_max = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let mut table = "| dimensions | vectors | kind | recall@100 | worst query | scored | µs/query | queries/s | \
                     exact µs | ratio | µs/insert | µs/move | p99.9 µs | most work | bytes |\n"
        .to_owned();
    table += &"|---".repeat(15);
    table += "|\n";
    for dimensions in [8, 32] {
        for count in [10_000, 100_000, 1_000_000] {
            if count <= count_max.unwrap_or(1_000_000) {
                for kind in KINDS {
                    let _ = writeln!(table, "{}", measure(dimensions, count, kind));
                }
            }
        }
    }
    print(&table);
}

#[expect(clippy::print_stdout, reason = "a bench reports here")]
fn print(table: &str) {
    println!("{table}");
}

/// Between 0 and 1, from a seed.
fn even(seed: u64) -> f32 {
    (mix(seed) >> 40) as f32 / 16_777_216.0
}

/// About a normal deviate, from a seed.
fn normal(seed: u64) -> f32 {
    (0..12).map(|draw| even(seed * 12 + draw)).sum::<f32>() - 6.0
}

fn vector(kind: &str, ordinal: u64, into: &mut [f32]) {
    let dimensions = into.len() as u64;
    let centre = mix(ordinal ^ 1 << 40) % 200;
    let length = (0.8 * normal(ordinal ^ 1 << 41)).exp();
    for (axis, component) in (0..).zip(into) {
        let own = normal(ordinal * dimensions + axis);
        *component = match kind {
            "clusters" => normal((centre + (1 << 42)) * dimensions + axis) + 0.3 * own,
            "normal" => own,
            _ => length * own,
        };
    }
}

fn micros(since: Instant, calls: usize) -> f64 {
    since.elapsed().as_secs_f64() * 1e6 / calls as f64
}

/// Microseconds an insert, a move, one of the slowest moves, and the most that a change has looked at.
struct Changes {
    insert: f64,
    moved: f64,
    slow: f64,
    work_max: u64,
}

/// Fills an index and moves some of it.
fn changes(index: &mut Embeddings, count: usize, kind: &str, own: &mut [f32]) -> Changes {
    let started = Instant::now();
    let (mut drawing, mut work_max) = (0.0, 0);
    for ordinal in 0..count {
        let before = Instant::now();
        vector(kind, ordinal as u64, own);
        drawing += before.elapsed().as_secs_f64();
        let work = index.work();
        index.set(ordinal as u32, own).expect("a sound vector");
        work_max = work_max.max(index.work() - work);
    }
    let insert = (started.elapsed().as_secs_f64() - drawing) * 1e6 / count as f64;
    let mut moves = Vec::new();
    for round in 0..MOVES as u64 {
        let ordinal = mix(round) % count as u64;
        vector(kind, ordinal, own);
        for (axis, component) in (0..).zip(own.iter_mut()) {
            *component += 0.05 * normal((round << 6) + axis);
        }
        let (started, work) = (Instant::now(), index.work());
        index.set(ordinal as u32, own).expect("a sound vector");
        moves.push(micros(started, 1));
        work_max = work_max.max(index.work() - work);
    }
    let moved = moves.iter().sum::<f64>() / moves.len() as f64;
    moves.sort_by(f64::total_cmp);
    Changes { insert, moved, slow: moves[MOVES - MOVES / 1_000], work_max }
}

fn measure(dimensions: usize, count: usize, kind: &str) -> String {
    let mut own = vec![0.0; dimensions];
    let mut index = Embeddings::new(dimensions);
    let Changes { insert, moved, slow, work_max } = changes(&mut index, count, kind, &mut own);
    let query = |number: usize| -> Vec<f32> {
        (0..dimensions)
            .map(|axis| normal((1 << 50) + (number * dimensions + axis) as u64))
            .collect()
    };
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(query).collect();
    let (mut room, mut exact) = (Room::default(), Room::default());
    let (mut found, mut worst, mut scored) = (0, WANTED, 0);
    for query in &queries {
        let some = index.nearest(query, WANTED, Effort::default(), |_| true, &mut room);
        let all = index.exact(query, WANTED, |_| true, &mut exact);
        let hits = all.iter().filter(|one| some.contains(one)).count();
        found += hits;
        worst = worst.min(hits);
        scored += room.scored();
    }
    let (mut search, mut scan) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for query in &queries {
            index.nearest(query, WANTED, Effort::default(), |_| true, &mut room);
        }
        search = search.min(micros(started, QUERIES));
        let started = Instant::now();
        let some = &queries[..QUERIES / 8];
        for query in some {
            index.exact(query, WANTED, |_| true, &mut exact);
        }
        scan = scan.min(micros(started, some.len()));
    }
    format!(
        "| {dimensions} | {count} | {kind} | {:.3} | {worst} | {} | {search:.1} | {:.0} | {scan:.0} | {:.1} | \
         {insert:.2} | {moved:.2} | {slow:.1} | {work_max} | {:.1} |",
        found as f64 / (QUERIES * WANTED) as f64,
        scored / QUERIES,
        1e6 / search,
        scan / search,
        index.bytes() as f64 / index.len() as f64,
    )
}
