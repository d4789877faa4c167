//! Every step of a purchase is failed in turn, in every way, and then repeated by the client or left
//! to the reconcilers.

use vitrine::domain::id::{AccountId, CheckoutId, OrderId};
use vitrine::domain::limits::CHECKOUT_LEASE_MS;
use vitrine::ports::inventory::InventoryStore;
use vitrine::services::checkout::CheckoutError;

use crate::faults::Fault;
use crate::world::World;

/// More steps than any purchase here has.
const STEPS_MAX: usize = 60;

const BUYER: AccountId = AccountId::from_bits(9);

/// Repeats with the same key as a client would: until there is an answer that is not "later".
async fn opened(world: &World, wish: &[(usize, u32)]) -> Result<CheckoutId, CheckoutError> {
    for _ in 0..10 {
        match world.open(BUYER, &world.wish(wish), "open").await {
            None | Some(Err(CheckoutError::Store(_) | CheckoutError::InProgress)) => {}
            Some(answer) => return answer,
        }
        world.clock.advance_ms(CHECKOUT_LEASE_MS);
    }
    panic!("no answer after ten tries");
}

async fn paid(
    world: &World,
    id: CheckoutId,
    method: &str,
    key: &str,
) -> Result<Option<OrderId>, CheckoutError> {
    for _ in 0..10 {
        match world.pay(BUYER, id, method, key).await {
            None
            | Some(Err(
                CheckoutError::Store(_) | CheckoutError::InProgress | CheckoutError::PaymentUnknown,
            )) => {}
            Some(answer) => return answer,
        }
        world.clock.advance_ms(CHECKOUT_LEASE_MS);
    }
    panic!("no answer after ten tries");
}

/// Runs `purchase` with the n-th call failing, for every n and every fault.
async fn fail_each_step(purchase: impl AsyncFn(&World)) {
    for fault in Fault::ALL {
        for step in 0..STEPS_MAX {
            let world = World::new(step as u64, 2, 5).await;
            world.faults.at(step, fault);
            purchase(&world).await;
            let struck = world.faults.heal();
            world.settle().await;
            world.audit().await;
            if !struck {
                assert!(step > 4, "the purchase has steps");
                break;
            }
            assert!(step + 1 < STEPS_MAX, "every step was failed");
        }
    }
}

#[tokio::test]
async fn a_paid_order_survives_every_fault() {
    fail_each_step(async |world| {
        let id = opened(world, &[(1, 2), (0, 1)]).await.unwrap();
        let order = paid(world, id, "pm_approve", "pay").await.unwrap();
        assert!(order.is_some());
        // The same key gives the same order for ever.
        assert_eq!(paid(world, id, "pm_approve", "pay").await.unwrap(), order);
    })
    .await;
}

#[tokio::test]
async fn a_silent_provider_is_found_out_under_every_fault() {
    fail_each_step(async |world| {
        let id = opened(world, &[(0, 1)]).await.unwrap();
        assert!(paid(world, id, "pm_timeout", "pay").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_decline_gives_back_and_a_second_method_pays_under_every_fault() {
    fail_each_step(async |world| {
        let id = opened(world, &[(1, 2), (0, 1)]).await.unwrap();
        let declined = paid(world, id, "pm_decline", "first").await;
        assert!(matches!(declined, Err(CheckoutError::Refused { .. })), "{declined:?}");
        let levels = InventoryStore::levels(&world.store, &world.variants).await.unwrap();
        assert!(levels.iter().all(|level| level.held == 0), "back before the answer: {levels:?}");
        assert!(paid(world, id, "pm_approve", "second").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn what_nobody_repeats_is_finished_or_undone() {
    fail_each_step(async |world| {
        if let Some(Ok(id)) = world.open(BUYER, &world.wish(&[(1, 2), (0, 1)]), "open").await {
            drop(world.pay(BUYER, id, "pm_approve", "pay").await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_ran_out_meanwhile_is_taken_again_or_the_money_given_back() {
    for taken in [false, true] {
        fail_each_step(async |world| {
            let id = opened(world, &[(0, 5), (1, 1)]).await.unwrap();
            // The provider does not answer until long after the hold's end.
            drop(world.pay(BUYER, id, "pm_timeout", "pay").await);
            world.clock.advance_ms(vitrine::domain::limits::HOLD_TTL_MS);
            let released = world.shop.inventory.release_expired(10);
            drop(world.faults.alive(released).await);
            drop(world.faults.alive(world.shop.inventory.release_expired(10)).await);
            if taken {
                let wish = world.wish(&[(0, 1)]);
                drop(world.open(AccountId::from_bits(8), &wish, "faster").await);
            }
            match paid(world, id, "pm_timeout", "pay").await {
                Ok(order) => assert!(order.is_some()),
                Err(CheckoutError::Refused { .. } | CheckoutError::Expired) => {}
                Err(error) => panic!("{error:?}"),
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_cancel_survives_every_fault() {
    fail_each_step(async |world| {
        let id = opened(world, &[(1, 2), (0, 1)]).await.unwrap();
        let waiting = paid(world, id, "pm_action", "pay").await;
        assert!(matches!(waiting, Ok(None)), "{waiting:?}");
        let key = crate::world::request_key("cancel", 3);
        for turn in 0..10 {
            assert!(turn < 9, "no answer after ten tries");
            let cancel = Box::pin(world.shop.checkouts.cancel(BUYER, id, &key));
            match world.faults.alive(cancel).await {
                Some(Ok(_)) => break,
                None
                | Some(Err(
                    CheckoutError::Store(_)
                    | CheckoutError::InProgress
                    | CheckoutError::PaymentUnknown,
                )) => {}
                Some(Err(error)) => panic!("{error:?}"),
            }
            world.clock.advance_ms(CHECKOUT_LEASE_MS);
        }
    })
    .await;
}
