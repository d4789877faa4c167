//! How long does it take to turn N candidates whose rows are filled in into one page of ten? Pure
//! CPU, no index, no store: score, order, slate rules, exploration. It is the floor under a feed page.
//! Unit: time per page; throughput in candidates.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput};
use parking_lot::RwLock;
use vitrine::domain::account::Market;
use vitrine::domain::id::AccountId;
use vitrine::domain::time::{HOUR_MS, Timestamp};
use vitrine::feed::candidate::{Candidate, Found, SourceKind};
use vitrine::feed::index::{ClipRow, Index, SHOPPABLE};
use vitrine::feed::query::FeedQuery;
use vitrine::feed::scorers::ActionValue;
use vitrine::feed::selectors::VariedSlate;
use vitrine::feed::stage::{Scorer, Selector};
use vitrine::feed::user::{TasteTable, UserState};
use vitrine::ranking::explore::Dice;

const NOW: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);

fn candidates(count: usize) -> Vec<Candidate> {
    let mut dice = Dice::new(7);
    let one = |number: usize| {
        let key = dice.bits();
        let found = Found { ordinal: number as u32, key };
        let source = if number < 16 { SourceKind::Explore } else { SourceKind::Trending };
        let mut candidate = Candidate::new(found, source);
        candidate.row = ClipRow {
            key,
            published_ms: NOW.plus_ms(-(dice.below(500) as i64) * HOUR_MS).unix_ms(),
            creator: dice.below(count / 4) as u32,
            category: 100_000 + dice.below(30) as u32,
            tags: [
                200_000 + dice.below(500) as u32,
                201_000 + dice.below(500) as u32,
                u32::MAX,
                u32::MAX,
            ],
            products: [300_000 + dice.below(count) as u32, u32::MAX, u32::MAX],
            duration_ms: 15_000,
            product_count: 1,
            flags: SHOPPABLE,
            ..ClipRow::FREE
        };
        candidate.counters.decayed.iter_mut().for_each(|value| *value = 50.0 * dice.uniform());
        candidate
    };
    (0..count).map(one).collect()
}

fn rank_page(criterion: &mut Criterion) {
    let index = Arc::new(RwLock::new(Index::new()));
    let user = Arc::new(RwLock::new(UserState::new(Market::US, true)));
    let mut query = FeedQuery::new(AccountId::from_bits(1), user, NOW, 10);
    let tastes = (0..200).map(|number| (200_000 + number * 3, 0.5));
    query.tastes = TasteTable::new(tastes);
    let scorer = ActionValue::default();
    let selector = VariedSlate::new(index);
    let mut group = criterion.benchmark_group("rank_page");
    for count in [200, 600, 1_000] {
        let input = candidates(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_with_input(BenchmarkId::from_parameter(count), &input, |bencher, input| {
            bencher.iter(|| {
                let mut candidates = input.clone();
                scorer.score(&query, &mut candidates).expect("it cannot fail");
                black_box(selector.select(&query, candidates))
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    rank_page(&mut criterion);
    criterion.final_summary();
}
