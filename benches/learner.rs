//! What the heads cost: nanoseconds a candidate, microseconds a viewer's part, learned views a second.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use vitrine::ranking::learner::feed::{
    ClipKeys, FeedBounds, FeedHeads, HEADS, Head, Outcome, Trace, ViewerKeys,
};
use vitrine::ranking::learner::parts::{ClipPart, KNOWN_MAX};
use vitrine::ranking::order::mix;

const CLIPS: u64 = 20_000;
const VIEWERS: u64 = 2_000;
const CANDIDATES: u64 = 500;

fn clip(number: u64) -> ClipKeys {
    ClipKeys {
        clip: 1 + number,
        entities: [1 + number % 3_000, 1 + number % 20, 1 + number % 400, 1 + number % 5_000, 0],
        duration_ms: 4_000 + (mix(number) % 90_000) as u32,
    }
}

fn viewer(number: u64) -> ViewerKeys {
    ViewerKeys { viewer: 1 + number, market: (number % 3) as u16, surface: 0 }
}

fn view(round: u64) -> (u64, ClipKeys, Outcome, i64) {
    let (who, what) = (mix(round) % VIEWERS, mix(round ^ 1 << 50) % CLIPS);
    let chance = mix(round ^ 1 << 51);
    let mut labels = [Some(false); HEADS];
    for head in [Head::Skip, Head::Finish, Head::Watch25, Head::Watch50, Head::Watch75] {
        labels[head as usize] = None;
    }
    labels[Head::Like as usize] = Some(chance.is_multiple_of(20));
    labels[Head::TagTap as usize] = Some(chance.is_multiple_of(30));
    let outcome = Outcome { watch_ms: Some((chance % 60_000) as u32), labels };
    (who, clip(what), outcome, 1_700_000_000_000 + round as i64 * 100)
}

struct World {
    heads: FeedHeads,
    traces: Vec<Trace>,
    round: u64,
}

impl World {
    fn new() -> Self {
        let heads = FeedHeads::new(FeedBounds::default());
        let traces = vec![Trace::default(); VIEWERS as usize];
        let mut world = Self { heads, traces, round: 0 };
        for _ in 0..100_000 {
            world.learn();
        }
        world
    }

    fn learn(&mut self) {
        let (who, clip, outcome, at_ms) = view(self.round);
        let trace = &mut self.traces[who as usize];
        self.heads.learn(&viewer(who), &clip, trace, &outcome, at_ms);
        self.round += 1;
    }
}

/// 500 candidates of one viewer whose history knows 64 entities.
fn candidates(criterion: &mut Criterion) {
    let world = World::new();
    let now_ms = 1_700_000_100_000;
    let known: Vec<(usize, u64)> =
        (0..KNOWN_MAX as u64).map(|at| (at as usize % 4, 1 + at % 20)).collect();
    let part = world.heads.viewer_part(&viewer(7), &world.traces[7], &known, now_ms);
    let clips: Vec<ClipPart> =
        (0..CANDIDATES).map(|at| world.heads.clip_part(&clip(at * 31), now_ms)).collect();
    let mut group = criterion.benchmark_group("learner");
    group.throughput(Throughput::Elements(CANDIDATES));
    group.bench_function("score_500_candidates", |bencher| {
        bencher.iter(|| {
            let like = |clip: &ClipPart| part.score(clip)[Head::Like as usize];
            clips.iter().map(like).sum::<f32>()
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("viewer_part", |bencher| {
        bencher.iter(|| {
            world.heads.viewer_part(black_box(&viewer(7)), &world.traces[7], &known, now_ms)
        });
    });
    group.bench_function("clip_part", |bencher| {
        let mut at = 0;
        bencher.iter(|| {
            at += 1;
            world.heads.clip_part(&clip(at % CLIPS), now_ms)
        });
    });
    group.finish();
}

/// Folding finished views, twelve heads each, and the state's bytes.
fn folding(criterion: &mut Criterion) {
    let mut world = World::new();
    let mut group = criterion.benchmark_group("learner");
    group.throughput(Throughput::Elements(1));
    group.bench_function("learn_view", |bencher| bencher.iter(|| world.learn()));
    group.sample_size(10);
    group.bench_function("to_bytes", |bencher| {
        bencher.iter_batched(|| (), |()| world.heads.to_bytes(), BatchSize::PerIteration);
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    candidates(&mut criterion);
    folding(&mut criterion);
    criterion.final_summary();
}
