//! Reads granted objects, and takes in pictures of products.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::id::{AccountId, MediaId};
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::images::{ImageError, Images};
use crate::ports::media_links::MediaLinks;
use crate::ports::objects::{ByteRange, ObjectBytes, ObjectKey, ObjectMeta, ObjectStore};
use crate::services::media_grants::MediaGrants;

/// Which bytes are wanted.
pub type MediaRange = ByteRange;

/// Longest side of a kept picture in pixels: sharp on a phone held across.
const IMAGE_SIDE_MAX_PX: u32 = 1_600;

/// A granted object.
pub struct MediaObject {
    /// About the whole object.
    pub meta: ObjectMeta,
    /// The positions that `bytes` holds.
    pub range: std::ops::Range<u64>,
    /// The bytes, unless only the head was asked for.
    pub bytes: Option<ObjectBytes>,
}

/// Why a picture is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is no picture that is read here.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads and writes what clients see and hear.
pub struct Media {
    objects: Arc<dyn ObjectStore>,
    grants: Arc<MediaGrants>,
    images: Arc<dyn Images>,
    public_url: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Media {
    /// Links to pictures begin with `public_url`.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        grants: Arc<MediaGrants>,
        images: Arc<dyn Images>,
        public_url: String,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { objects, grants, images, public_url, clock, entropy }
    }

    /// The object `key`, if `grant` covers it. Nobody learns whether an object without a grant exists.
    pub async fn read(
        &self,
        grant: &str,
        key: &str,
        range: Option<MediaRange>,
        head_only: bool,
    ) -> Result<Option<MediaObject>, StoreError> {
        let Ok(key) = ObjectKey::parse(key) else { return Ok(None) };
        if !self.grants.allows(grant, &key, self.clock.now()) {
            return Ok(None);
        }
        self.fetch(&key, range, head_only).await
    }

    /// The picture `id`, which needs no grant: pictures of products are shown to everybody.
    pub async fn picture(&self, id: MediaId) -> Result<Option<MediaObject>, StoreError> {
        self.fetch(&picture_key(id), None, false).await
    }

    async fn fetch(
        &self,
        key: &ObjectKey,
        range: Option<MediaRange>,
        head_only: bool,
    ) -> Result<Option<MediaObject>, StoreError> {
        if head_only {
            let meta = self.objects.head(key).await?;
            return Ok(meta.map(|meta| {
                let range = range.map_or(0..meta.len, |range| range.within(meta.len));
                MediaObject { meta, range, bytes: None }
            }));
        }
        let found = self.objects.get(key, range).await?;
        Ok(found.map(|read| MediaObject {
            meta: read.meta,
            range: read.range,
            bytes: Some(read.bytes),
        }))
    }

    /// Keeps a picture: decoded, turned upright, made no larger than needed, encoded anew. What it said
    /// besides its pixels (place, camera, scripts) is gone. Answers its URL.
    pub async fn keep_picture(&self, _: AccountId, bytes: Bytes) -> Result<String, PictureError> {
        let jpeg = self.images.normalize(bytes, IMAGE_SIDE_MAX_PX).await?;
        let id = MediaId::new(self.clock.now(), self.entropy.bits());
        self.objects.put(&picture_key(id), "image/jpeg", jpeg).await?;
        Ok(format!("{}/images/{id}.jpg", self.public_url))
    }

    /// The URLs under which a clip's prefix is played now.
    pub fn clip_base(&self, prefix: &str) -> String {
        self.grants.base(prefix, self.now())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn picture_key(id: MediaId) -> ObjectKey {
    ObjectKey::parse(format!("images/{id}.jpg")).expect("an id is a safe key")
}
