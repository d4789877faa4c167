//! Every place on a page can be explained, every absence too, and a page comes out the same again.

use serde_json::{Value, json};
use vitrine::domain::id::SlateId;
use vitrine::domain::time::{DAY_MS, MINUTE_MS, SECOND_MS};

use crate::support::feed::{NewClip, clips};
use crate::support::{Actor, TestApp};

/// A shop and clips of which some sell, with some history.
async fn world(clips: usize) -> (TestApp, Vec<String>) {
    let app = TestApp::new().await;
    let ids = filled(&app, clips).await;
    (app, ids)
}

/// Clips of which some sell, and their history.
async fn filled(app: &TestApp, clips: usize) -> Vec<String> {
    let mug = app.goods(1_999, 9).await.product;
    let mut ids = Vec::new();
    for number in 0..clips {
        let products = if number % 4 == 0 { &[mug.as_str()][..] } else { &[] };
        let creator = app.creator(&format!("creator-{}", number % 7));
        let caption = format!("Clip {number} #t{} #u{}", number % 3, number % 5);
        let age_ms = number as i64 * 30 * MINUTE_MS;
        let new = NewClip { caption: &caption, products, age_ms, ..NewClip::default() };
        ids.push(app.publish(&creator, new).await);
    }
    for number in 0..2 * clips {
        let viewer = app.viewer(&format!("viewer-{}", number % 9));
        act(app, &viewer, &ids[number * 7 % clips], number).await;
    }
    ids
}

/// One of several things that a viewer does with a clip.
async fn act(app: &TestApp, viewer: &Actor, clip: &str, number: usize) {
    let event = match number % 5 {
        0 => json!({ "type": "watch", "clip_id": clip, "watch_ms": 9_000 }),
        1 => json!({ "type": "watch", "clip_id": clip, "watch_ms": 700 }),
        2 => json!({ "type": "like", "clip_id": clip }),
        3 => json!({ "type": "impression", "clip_id": clip }),
        _ => json!({ "type": "share", "clip_id": clip }),
    };
    app.event(viewer, event).await;
}

/// The numbers of that name, read to their last bit: the JSON reader of these tests rounds long ones.
fn exact(text: &str, name: &str) -> Vec<f64> {
    let name = format!("\"{name}\":");
    let after = text.split(&name).skip(1);
    after.map(|rest| rest.split([',', '}']).next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_terms_of_every_item_add_up_to_its_score() {
    let (app, _) = world(60).await;
    let vera = app.viewer("viewer-1");
    let mut scores: Vec<(String, f64)> = Vec::new();
    let mut checked = 0;
    for page in app.walk(&vera, "limit=20").await {
        let slate = page["slate_id"].as_str().unwrap();
        for item in page["items"].as_array().unwrap() {
            let place = item["position"].as_u64().unwrap();
            let path = format!("/v1/slates/{slate}/items/{place}/why");
            let answer = app.get(&vera, &path).await;
            let receipt = answer.expect(200);
            assert_eq!(receipt["clip_id"], item["clip"]["id"]);
            assert_eq!(receipt["source"], item["source"]);
            assert!(!receipt["sources"].as_array().unwrap().is_empty(), "{receipt}");
            let score = exact(&answer.text, "score")[0];
            let amounts = exact(&answer.text, "amount");
            assert_eq!(amounts.len(), 14);
            let (forward, backward): (f64, f64) =
                (amounts.iter().sum(), amounts.iter().rev().sum());
            assert_eq!((forward.to_bits(), backward.to_bits()), (score.to_bits(), score.to_bits()));
            for term in receipt["terms"].as_array().unwrap() {
                let of = |key: &str| term[key].as_f64().unwrap();
                let off = of("weight") * of("input") - of("amount");
                assert!(off.abs() <= 1.0 / 4_294_967_296.0, "{term}");
            }
            let net = receipt["net"].as_f64().unwrap();
            let factor = |one: &Value| one["factor"].as_f64().unwrap();
            let product: f64 =
                receipt["multipliers"].as_array().unwrap().iter().map(factor).product();
            assert!(net <= 0.0 || (net * product - score).abs() < 1e-8, "{receipt}");
            if receipt["placed_by"] == "score" {
                scores.push((format!("{slate} {place}"), score));
            }
            checked += 1;
        }
    }
    assert!(checked > 40 && scores.iter().any(|(_, score)| *score > 0.5), "{checked}: {scores:?}");
}

#[tokio::test]
async fn a_receipt_is_for_its_viewer_and_for_operators() {
    let (app, _) = world(20).await;
    let (vera, otto) = (app.viewer("vera"), app.viewer("otto"));
    let page = app.feed(&vera, "?limit=5").await;
    let path = |place: &str| {
        format!("/v1/slates/{}/items/{place}/why", page["slate_id"].as_str().unwrap())
    };
    let mine = app.get(&vera, &path("0")).await.expect(200);
    assert_eq!(mine["slate"]["id"], page["slate_id"]);
    assert_eq!(mine["slate"]["config"].as_str().unwrap().len(), 16);
    assert_eq!(app.get(&app.operator(), &path("4")).await.expect(200)["position"], json!(4));
    assert_eq!(app.get(&otto, &path("0")).await.problem(404), "not_found");
    assert_eq!(app.get(&vera, &path("5")).await.problem(404), "not_found");
    assert_eq!(app.get(&app.nobody(), &path("0")).await.problem(401), "unauthenticated");
    assert_eq!(app.get(&vera, &path("x")).await.problem(400), "invalid_request");
    let none = "/v1/slates/slt_01h00000000000000000000000/items/0/why";
    assert_eq!(app.get(&vera, none).await.problem(404), "not_found");

    // Another process reads what was kept; other weights act on later slates alone.
    let app = app.restarted().await;
    assert_eq!(app.get(&vera, &path("0")).await.expect(200), mine);
    let mut values = *app.app.values.get();
    values.model.weights[3] = 9.0;
    assert!(app.app.values.set(values));
    assert_eq!(app.get(&vera, &path("0")).await.expect(200), mine);
    let later = app.feed(&vera, "?limit=5").await;
    let later = format!("/v1/slates/{}/items/0/why", later["slate_id"].as_str().unwrap());
    let later = app.get(&vera, &later).await.expect(200);
    assert_ne!(later["slate"]["config"], mine["slate"]["config"]);
    let like = |receipt: &Value| receipt["terms"][3]["weight"].as_f64().unwrap();
    assert_eq!((like(&mine), like(&later)), (4.0, 9.0));
}

/// The stage that keeps a clip from a viewer.
async fn stage(app: &TestApp, viewer: &Actor, clip: &str) -> Value {
    app.get(viewer, &format!("/v1/why-not?clip_id={clip}")).await.expect(200)
}

#[tokio::test]
async fn the_stage_that_keeps_a_clip_away_is_named() {
    let app = TestApp::new().await;
    let ids = app.publish_many(40, 20).await;
    let vera = app.viewer("vera");
    let shown = app.feed(&vera, "?limit=10").await;
    let told = stage(&app, &vera, &clips(&shown)[0]).await;
    assert!(["shown", "below_the_cut", "held_back"].contains(&told["stage"].as_str().unwrap()));

    app.event(&vera, json!({ "type": "watch", "clip_id": ids[0], "watch_ms": 9_000 })).await;
    assert_eq!(stage(&app, &vera, &ids[0]).await["stage"], "seen");
    let mina = app.creator("mina");
    let own = app.publish(&mina, NewClip::default()).await;
    assert_eq!(stage(&app, &mina, &own).await["stage"], "own");
    let path = format!("/v1/creators/{}/block", mina.id);
    app.put(&vera, &path, json!({})).await;
    assert_eq!(stage(&app, &vera, &own).await["stage"], "blocked");
    let abroad = NewClip { markets: &["DE"], ..NewClip::default() };
    let abroad = app.publish(&app.creator("hans"), abroad).await;
    assert_eq!(stage(&app, &vera, &abroad).await["stage"], "other_market");
    let goods = app.goods(1_999, 3).await;
    let products = [goods.product.as_str()];
    let sells = NewClip { products: &products, ..NewClip::default() };
    let sells = app.publish(&app.creator("nora"), sells).await;
    app.put(&vera, "/v1/me/preferences", json!({ "max_shoppable_ratio": 0.0 })).await.expect(200);
    for _ in 0..30 {
        app.event(&app.viewer("otto"), json!({ "type": "share", "clip_id": sells })).await;
    }
    assert_eq!(stage(&app, &vera, &sells).await["stage"], "over_budget");
    app.delete(&goods.merchant, &format!("/v1/products/{}", goods.product)).await;
    app.settle().await;
    let told = stage(&app, &vera, &sells).await;
    assert_eq!((&told["stage"], &told["filters"]), (&json!("unsellable"), &json!(["unsellable"])));

    // What nobody likes is retrieved, scored, and told how far it is from the cut.
    let dull = app
        .publish(&app.creator("dora"), NewClip { age_ms: 9 * DAY_MS, ..NewClip::default() })
        .await;
    for number in 0..60 {
        let bored = app.viewer(&format!("bored-{number}"));
        app.event(&bored, json!({ "type": "not_interested", "clip_id": dull })).await;
        app.event(&bored, json!({ "type": "watch", "clip_id": dull, "watch_ms": 300 })).await;
    }
    let told = stage(&app, &vera, &dull).await;
    assert_eq!(told["stage"], "below_the_cut", "{told}");
    let of = |key: &str| told["cut"][key].as_f64().unwrap();
    assert!(of("gap") > 0.0 && of("ahead") >= 10.0, "{told}");
    assert!((of("score") - of("gap") - told["score"]["score"].as_f64().unwrap()).abs() < 1e-5);
    assert_eq!(told["shown"], json!(false));

    app.unpublish(&dull).await;
    let gone = app.get(&vera, &format!("/v1/why-not?clip_id={dull}")).await;
    assert_eq!(gone.problem(404), "not_found");
    let wrong = app.get(&vera, "/v1/why-not?clip_id=clip").await.expect(400);
    assert_eq!(wrong["errors"][0]["pointer"], "/clip_id");
}

/// Recomputes slates and expects no difference.
async fn replay(app: &TestApp, slates: &[String]) {
    let operator = app.operator();
    for slate in slates {
        let replay = app.post(&operator, "/v1/replays", json!({ "slate_id": slate })).await;
        let replay = replay.expect(200);
        assert_eq!(replay["differences"], json!([]), "{replay}");
        assert_eq!(
            (&replay["identical"], &replay["recorded"]),
            (&json!(true), &replay["recomputed"])
        );
        assert_eq!(replay["slate_id"], json!(slate));
    }
}

/// Recomputes slates of one process in one pass over its history; answers how many came out the same.
async fn replay_at_once(app: &TestApp, slates: &[String]) -> usize {
    let ids: Vec<SlateId> = slates.iter().map(|slate| slate.parse().unwrap()).collect();
    let replays = app.app.api.replays.replay_all(&ids).await.unwrap();
    let differing = replays.iter().find(|replay| !replay.differences.is_empty());
    assert!(differing.is_none(), "{differing:?}");
    replays.len()
}

/// One page of somebody's walk; walks end and begin anew.
async fn browse(
    app: &TestApp,
    walks: &mut [(Actor, Option<String>)],
    number: usize,
    slates: &mut Vec<String>,
) {
    let place = number * 5 % walks.len();
    let (viewer, cursor) = &mut walks[place];
    let limit = 3 + number % 9;
    let surface = if place % 5 == 4 { "following" } else { "for_you" };
    let query = match cursor.take() {
        Some(cursor) => format!("?limit={limit}&cursor={cursor}"),
        None => format!("?limit={limit}&surface={surface}"),
    };
    let page = app.feed(viewer, &query).await;
    slates.push(page["slate_id"].as_str().unwrap().to_owned());
    *cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
    if let Some(first) = clips(&page).first() {
        act(app, viewer, first, number).await;
    }
}

/// How many slates to serve and repeat: more in a long run.
#[expect(clippy::disallowed_methods, reason = "a long run is asked for by the environment")]
fn slates_wanted() -> usize {
    std::env::var("VITRINE_TEST_SLATES").ok().and_then(|text| text.parse().ok()).unwrap_or(240)
}

/// Pages among events, new and removed clips, edited and sold-out products, follows, blocks, changed
/// preferences and weights, a snapshot and a restart: all come out the same again.
#[tokio::test]
async fn slates_come_out_the_same_again_whatever_happened_since() {
    let (app, mut ids) = world(80).await;
    let mut app = app.at_one_node(); // Each process keeps its own history, and writes it down by and by.
    let viewers = (0..11).map(|number| app.viewer(&format!("viewer-{number}")));
    let mut walks: Vec<(Actor, Option<String>)> = viewers.map(|viewer| (viewer, None)).collect();
    let goods = app.goods(2_500, 4).await;
    let mut slates = Vec::new();
    let count = slates_wanted();
    for number in 0..count {
        app.clock.advance_ms(7 * SECOND_MS);
        browse(&app, &mut walks, number, &mut slates).await;
        let viewer = walks[number % walks.len()].0.clone();
        act(&app, &viewer, &ids[number * 13 % ids.len()], number).await;
        match number % 24 {
            3 => {
                let products = [goods.product.as_str()];
                let new =
                    NewClip { caption: "#new #t1", products: &products, ..NewClip::default() };
                ids.push(app.publish(&app.creator(&format!("creator-{}", number % 5)), new).await);
            }
            7 => app.unpublish(&ids.remove(number % ids.len())).await,
            11 => {
                let by = if number % 48 == 11 { -4 } else { 4 };
                let body = json!({ "variant_id": goods.variant, "delta": by, "reason": "count" });
                let path = "/v1/inventory/adjustments";
                app.post_keyed(&goods.merchant, path, &format!("{number}"), body).await;
                app.settle().await;
            }
            13 => {
                let creator = app.creator(&format!("creator-{}", number % 7)).id;
                let what = if number % 48 == 13 { "follow" } else { "block" };
                app.put(&viewer, &format!("/v1/creators/{creator}/{what}"), json!({})).await;
            }
            17 => {
                let ratio = (number % 10) as f64 / 10.0;
                let body =
                    json!({ "max_shoppable_ratio": ratio, "personalised": number % 48 == 17 });
                app.put(&viewer, "/v1/me/preferences", body).await.expect(200);
            }
            19 => {
                let mut values = *app.app.values.get();
                values.model.weights[number % 12] *= 1.25;
                app.app.values.set(values);
            }
            23 => drop(app.app.indexing.snapshot().await.unwrap()),
            _ => {}
        }
        if number == count / 2 {
            replay(&app, &slates[number - 20..]).await; // In the midst of it, with its own process going on.
            assert!(app.app.training.store().await.unwrap(), "the next process goes on from it");
            app = app.restarted().await;
        }
    }
    assert_eq!(slates.len(), count);
    // By the process that is gone, and by the one that followed it.
    let (before, after) = slates.split_at(count / 2 + 1);
    let same = replay_at_once(&app, before).await + replay_at_once(&app, after).await;
    assert_eq!(same, count, "each came out the same again");
    let few: Vec<String> = slates.iter().step_by(count / 60).cloned().collect();
    replay(&app, &few).await;
    replay(&app, &slates[5..9]).await; // Back in time.

    let none = json!({ "slate_id": "slt_01h00000000000000000000000" });
    assert_eq!(app.post(&app.operator(), "/v1/replays", none).await.problem(404), "not_found");
    let one = json!({ "slate_id": slates[0] });
    let refused = app.post(&app.viewer("vera"), "/v1/replays", one).await;
    assert_eq!(refused.problem(403), "insufficient_scope");
}

#[tokio::test]
async fn freshness_is_measured() {
    let app = TestApp::new().await.at_one_node(); // Each process measures for itself.
    let ids = filled(&app, 10).await;
    let fresh = app.get(&app.operator(), "/v1/ops/freshness").await.expect(200);
    assert_eq!((&fresh["events"]["behind"], &fresh["changes"]["behind"]), (&json!(0), &json!(0)));
    assert!(fresh["events"]["head"].as_str().unwrap().parse::<u64>().unwrap() >= 16, "{fresh}");
    let before: Vec<u64> = samples(&fresh);
    act(&app, &app.viewer("vera"), &ids[0], 0).await;
    let fresh = app.get(&app.operator(), "/v1/ops/freshness").await.expect(200);
    for (effect, before) in fresh["effects"].as_array().unwrap().iter().zip(before) {
        let ms = |key: &str| effect[key].as_f64().unwrap();
        assert_eq!(effect["samples"].as_u64().unwrap(), before + 1);
        assert!(0.0 < ms("p50_ms") && ms("p50_ms") <= ms("p90_ms"), "{effect}");
        assert!(ms("p90_ms") <= ms("p99_ms") && ms("p99_ms") <= ms("max_ms"), "{effect}");
    }
    let refused = app.get(&app.viewer("vera"), "/v1/ops/freshness").await;
    assert_eq!(refused.problem(403), "insufficient_scope");
}

fn samples(fresh: &Value) -> Vec<u64> {
    let effects = fresh["effects"].as_array().unwrap();
    effects.iter().map(|effect| effect["samples"].as_u64().unwrap()).collect()
}
