//! Many buyers over two nodes, while a node of the database dies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::client::Actor;
use crate::server::Home;
use crate::servers::{Servers, order};
use crate::shop::{Goods, check_books, insist, pay};
use crate::tell;

const BUYERS: usize = 200;
const UNITS: u64 = 50;
/// The database is harmed when so many orders are there.
const KILL_AFTER: usize = 10;
/// How long one request may need, with a node of the database gone, on a busy machine.
const ANSWERED: Duration = Duration::from_secs(90);

/// Buys a unit: the order, or `None` if there are none left.
async fn buy(buyer: &Actor, goods: &Goods, nodes: &[&str]) -> Option<String> {
    let open = insist(buyer, nodes, ("/v1/checkouts", "open", &goods.order()), ANSWERED).await;
    if open.status == 409 {
        assert_eq!(open.json()["code"], "out_of_stock", "{}", open.text);
        return None;
    }
    let id = open.expect(201)["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/checkouts/{id}/complete");
    let done = insist(buyer, nodes, (&path, "pay", &pay()), ANSWERED).await.expect(200);
    Some(done["order"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_get_fifty_units_while_a_node_of_the_database_dies() {
    let (_alone, servers) = Servers::alone().await;
    let home = Home::new(servers);
    let serve = [("VITRINE_MEDIA__WORKERS", "0")];
    let (one, two) = (home.start("one", &serve).await, home.start("two", &serve).await);
    let goods = Arc::new(Goods::new(&home, &one.url, UNITS).await);
    let enough = Arc::new(Notify::new());
    let placed = Arc::new(parking_lot::Mutex::new(Vec::new()));

    let mut buyers = JoinSet::new();
    for number in 0..BUYERS {
        let nodes = [one.url.clone(), two.url.clone()];
        let (goods, enough, placed) =
            (Arc::clone(&goods), Arc::clone(&enough), Arc::clone(&placed));
        buyers.spawn(async move {
            let mut nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
            nodes.rotate_left(number % 2);
            let buyer = Actor::guest(nodes[0]).await;
            if let Some(order) = buy(&buyer, &goods, &nodes).await {
                let mut placed = placed.lock();
                placed.push(order);
                if placed.len() == KILL_AFTER {
                    enough.notify_one();
                }
            }
        });
    }
    enough.notified().await;
    order(&["kill", "ring-2"]).await;
    let before = placed.lock().len();
    buyers.join_all().await;
    let after = placed.lock().len();
    order(&["revive", "ring-2"]).await;

    let orders: BTreeSet<String> = placed.lock().iter().cloned().collect();
    assert_eq!((orders.len(), after), (UNITS as usize, UNITS as usize), "one order a unit");
    assert!(before < after, "the database was harmed when all was over");
    assert_eq!(goods.stock(&two.url).await, (0, 0));
    check_books(&home, &two.url).await;
    home.check().await;
    tell(&format!("{} orders after the database lost a node", after - before));
}
