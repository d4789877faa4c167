//! Many buyers over two nodes, while a node of the database dies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Actor;
use crate::server::Home;
use crate::servers::{Servers, order};
use crate::shop::{Goods, check_books, insist, pay};
use crate::tell;

const BUYERS: usize = 200;
const UNITS: u64 = 50;
/// How long one request may need, with a node of the database gone, on a busy machine.
const ANSWERED: Duration = Duration::from_secs(90);

/// Buys a unit: the order, or `None` if there are none left. Pays once `gate` is open.
async fn buy(
    buyer: &Actor,
    goods: &Goods,
    nodes: &[&str],
    gate: Option<CancellationToken>,
) -> Option<String> {
    let open = insist(buyer, nodes, ("/v1/checkouts", "open", &goods.order()), ANSWERED).await;
    if open.status == 409 {
        assert_eq!(open.json()["code"], "out_of_stock", "{}", open.text);
        return None;
    }
    let id = open.expect(201)["id"].as_str().unwrap().to_owned();
    if let Some(gate) = gate {
        gate.cancelled().await;
    }
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
    // Half of the buyers pay only when the database has lost a node: there is work before, meanwhile and
    // afterwards.
    let (begun, harmed) = (Arc::new(Notify::new()), CancellationToken::new());
    let placed = Arc::new(parking_lot::Mutex::new(Vec::new()));

    let mut buyers = JoinSet::new();
    for number in 0..BUYERS {
        let nodes = [one.url.clone(), two.url.clone()];
        let (goods, begun, placed) = (Arc::clone(&goods), Arc::clone(&begun), Arc::clone(&placed));
        let gate = (number % 4 >= 2).then(|| harmed.clone());
        buyers.spawn(async move {
            let mut nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
            nodes.rotate_left(number % 2);
            let buyer = Actor::guest(nodes[0]).await;
            if let Some(order) = buy(&buyer, &goods, &nodes, gate).await {
                placed.lock().push(order);
                begun.notify_one();
            }
        });
    }
    begun.notified().await;
    order(&["kill", "ring-2"]).await;
    let before = placed.lock().len();
    harmed.cancel();
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
