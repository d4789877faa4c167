//! Clips that are published without a transcode, and walks through feeds.

use futures_util::future::join_all;
use serde_json::{Value, json};
use vitrine::domain::account::Market;
use vitrine::domain::change::Change;
use vitrine::domain::clip::{Clip, ClipMedia, ClipState};
use vitrine::domain::id::{ClipId, TagId, UploadId};
use vitrine::domain::tag::ProductTag;
use vitrine::domain::time::Timestamp;
use vitrine::ports::clock::Clock;

use super::{Actor, TestApp};

/// A clip that is to be published.
pub struct NewClip<'a> {
    pub caption: &'a str,
    pub products: &'a [&'a str],
    pub markets: &'a [&'a str],
    pub age_ms: i64,
}

impl Default for NewClip<'_> {
    fn default() -> Self {
        Self { caption: "A clip", products: &[], markets: &[], age_ms: 0 }
    }
}

impl TestApp {
    /// Publishes a clip of `creator` as the worker does, without its media.
    pub async fn publish(&self, creator: &Actor, new: NewClip<'_>) -> String {
        self.publish_all(vec![self.made(creator, &new)]).await.remove(0)
    }

    /// A clip whose media are said to be ready.
    fn made(&self, creator: &Actor, new: &NewClip<'_>) -> Clip {
        let now = self.clock.now();
        let id = ClipId::new(now, self.backends.entropy.bits());
        let tag = |product: &&str| ProductTag {
            id: TagId::new(now, self.backends.entropy.bits()),
            product: product.parse().unwrap(),
            variant: None,
            start_ms: 0,
            end_ms: 8_000,
            hotspot: None,
        };
        let media = ClipMedia {
            prefix: format!("clips/{id}/1"),
            duration_ms: 10_000,
            width: 1_080,
            height: 1_920,
            has_storyboard: true,
        };
        Clip {
            id,
            creator: creator.id,
            upload: UploadId::from_bits(1),
            caption: new.caption.into(),
            tags: new.products.iter().map(tag).collect(),
            markets: new.markets.iter().map(|code| Market::new(code).unwrap()).collect(),
            state: ClipState::Ready { media, published_at: now.plus_ms(-new.age_ms) },
            created_at: now,
            version: 1,
        }
    }

    async fn publish_all(&self, clips: Vec<Clip>) -> Vec<String> {
        let puts = join_all(clips.iter().map(|clip| self.backends.clips.put(clip))).await;
        puts.into_iter().for_each(Result::unwrap);
        let changes: Vec<_> = clips.iter().map(|clip| Change::ClipPublished(clip.id)).collect();
        self.backends.changes.append(&changes).await.unwrap();
        self.settle().await;
        clips.iter().map(|clip| clip.id.to_string()).collect()
    }

    /// Takes a clip down.
    pub async fn unpublish(&self, id: &str) {
        let id = id.parse().unwrap();
        let mut clip = self.backends.clips.get(id).await.unwrap().unwrap();
        clip.state = ClipState::Removed { at: Timestamp::EPOCH };
        clip.version += 1;
        self.backends.clips.put(&clip).await.unwrap();
        self.backends.changes.append(&[Change::ClipRemoved(id)]).await.unwrap();
        self.settle().await;
    }

    /// Lets every index take in what changed, as the followers of the change log do.
    pub async fn settle(&self) {
        for node in &self.nodes {
            node.app.indexing.catch_up().await.unwrap();
            assert_eq!(node.app.indexing.lag().await.unwrap(), 0);
        }
    }

    /// Publishes `count` clips of `creators` creators in turn.
    pub async fn publish_many(&self, count: usize, creators: usize) -> Vec<String> {
        let made = |number| {
            let creator = self.creator(&format!("creator-{}", number % creators));
            let new = NewClip { age_ms: number as i64 * 60_000, ..NewClip::default() };
            self.made(&creator, &new)
        };
        self.publish_all((0..count).map(made).collect()).await
    }

    pub async fn feed(&self, viewer: &Actor, query: &str) -> Value {
        self.get(viewer, &format!("/v1/feed{query}")).await.expect(200)
    }

    /// All pages of a walk to the end.
    pub async fn walk(&self, viewer: &Actor, query: &str) -> Vec<Value> {
        let mut pages = vec![self.feed(viewer, &format!("?{query}")).await];
        while let Some(cursor) = pages.last().unwrap()["next_cursor"].as_str() {
            let path = format!("?cursor={cursor}&{query}");
            pages.push(self.feed(viewer, &path).await);
        }
        pages
    }

    /// Sends one event that must be accepted; answers the watermark.
    pub async fn event(&self, viewer: &Actor, mut event: Value) -> String {
        let bits = self.backends.entropy.bits();
        event["id"] = json!(uuid_text(bits));
        event["occurred_at"] = json!("2026-01-01T00:00:00Z");
        let body = json!({ "events": [event] });
        let answer = self.post(viewer, "/v1/events", body).await.expect(202);
        assert_eq!(answer["accepted"], 1, "{answer}");
        answer["watermark"].as_str().unwrap().to_owned()
    }
}

/// A UUID as clients write it.
pub fn uuid_text(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex[range].to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

/// The clips of a page, in order.
pub fn clips(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["clip"]["id"].as_str().unwrap().to_owned()).collect()
}
