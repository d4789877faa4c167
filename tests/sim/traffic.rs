//! Random traffic with random faults from one seed, judged by the auditor once everything rests.

use std::sync::Arc;

use vitrine::domain::id::{AccountId, CheckoutId};
use vitrine::domain::limits::{CHECKOUT_LEASE_MS, HOLD_TTL_MS};
use vitrine::ports::entropy::Entropy;

use crate::world::{World, request_key};

const SEEDS: u64 = 40;
const ACTIONS: usize = 150;
const METHODS: [&str; 4] = ["pm_approve", "pm_decline", "pm_timeout", "pm_action"];

struct Traffic {
    world: World,
    open: Vec<(AccountId, CheckoutId)>,
    turn: usize,
}

impl Traffic {
    fn dice(&self, sides: u64) -> usize {
        (self.world.entropy.seed() % sides) as usize
    }

    fn some(&self) -> Option<(AccountId, CheckoutId)> {
        (!self.open.is_empty()).then(|| self.open[self.dice(self.open.len() as u64)])
    }

    async fn open(&mut self) {
        let buyer = AccountId::from_bits(100 + self.dice(5) as u128);
        let mut lines = vec![(self.dice(3), 1 + self.dice(3) as u32)];
        if self.dice(2) == 0 {
            lines.push((self.dice(3), 1));
        }
        let wish = self.world.wish(&lines);
        let key = format!("open-{}", self.turn);
        for _ in 0..2 {
            if let Some(Ok(id)) = self.world.open(buyer, &wish, &key).await {
                self.open.push((buyer, id));
                break;
            }
        }
    }

    /// Some keys come twice, with the same method.
    async fn pay(&self) {
        let Some((buyer, id)) = self.some() else { return };
        let choice = self.dice(6);
        let key = format!("pay-{choice}");
        let paid = self.world.pay(buyer, id, METHODS[choice % METHODS.len()], &key).await;
        if let Some(Ok(Some(order))) = paid {
            let again = self.world.pay(buyer, id, METHODS[choice % METHODS.len()], &key).await;
            if let Some(Ok(again)) = again {
                assert_eq!(again, Some(order), "one key, one order");
            }
        }
    }

    async fn cancel(&self) {
        let Some((buyer, id)) = self.some() else { return };
        let key = request_key("cancel", 3);
        drop(self.world.faults.alive(self.world.shop.checkouts.cancel(buyer, id, &key)).await);
    }

    async fn act(&mut self) {
        self.turn += 1;
        match self.dice(12) {
            0..=3 => self.open().await,
            4..=7 => self.pay().await,
            8 => self.cancel().await,
            9 => self.world.reconcile().await,
            10 => {
                let wait = [1_000, CHECKOUT_LEASE_MS, HOLD_TTL_MS / 2][self.dice(3)];
                self.world.clock.advance_ms(wait);
            }
            _ => {
                let key = format!("restock-{}", self.turn);
                self.world.restock(self.dice(3), 2, &key).await;
            }
        }
    }
}

#[tokio::test]
async fn random_traffic_with_random_faults_leaves_the_books_right() {
    let mut orders = 0;
    for seed in 0..SEEDS {
        println_seed(seed);
        let world = World::new(seed, 3, 6).await;
        let entropy = Arc::clone(&world.entropy) as Arc<dyn Entropy>;
        world.faults.randomly(12, entropy);
        let mut traffic = Traffic { world, open: Vec::new(), turn: 0 };
        for _ in 0..ACTIONS {
            traffic.act().await;
        }
        traffic.world.settle().await;
        traffic.world.audit().await;
        orders += traffic.world.bank.captured.lock().len();
    }
    assert!(orders > SEEDS as usize * 3, "the traffic buys something: {orders}");
}

#[expect(clippy::print_stderr, reason = "shown when the test fails: the seed replays it")]
fn println_seed(seed: u64) {
    eprintln!("seed {seed}");
}
