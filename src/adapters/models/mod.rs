//! Models as objects: `ranking/models/<Unix milliseconds>-<chance>` holds one, and
//! `ranking/models-kept/<the same>` tells when a process began with it.
//!
//! They are compressed: most counts of rare heads are zero.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use futures_util::StreamExt as _;

use crate::domain::limits::{MODEL_BYTES_MAX, MODELS_LISTED_MAX};
use crate::domain::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::entropy::Entropy;
use crate::ports::error::StoreError;
use crate::ports::models::Models;
use crate::ports::objects::{KeyError, ObjectKey, ObjectPrefix, ObjectStore};

const CONTENT_TYPE: &str = "application/octet-stream";

/// Pages of names: years of models that nobody forgot.
const PAGES_MAX: usize = 100;

/// See the module's head.
pub struct ObjectModels {
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

fn corrupt(name: &str, detail: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        table: "ranking models",
        key: name.to_owned(),
        detail: detail.to_string(),
    }
}

fn model_key(name: &str) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(format!("ranking/models/{name}")).map_err(|error| corrupt(name, &error))
}

fn kept_key(name: &str) -> Result<ObjectKey, StoreError> {
    ObjectKey::parse(format!("ranking/models-kept/{name}")).map_err(|error| corrupt(name, &error))
}

fn compressed(model: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(model)?;
    encoder.finish()
}

fn whole(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut model = Vec::new();
    ZlibDecoder::new(packed).take(MODEL_BYTES_MAX + 1).read_to_end(&mut model)?;
    if model.len() as u64 > MODEL_BYTES_MAX {
        return Err(std::io::Error::other("it is larger than any model"));
    }
    Ok(model)
}

/// Does work of many milliseconds off the threads that answer requests.
async fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(StoreError::unavailable)?.map_err(|error| corrupt(name, &error))
}

impl ObjectModels {
    /// Over these objects.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { objects, clock, entropy }
    }

    async fn bytes(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut read) = self.objects.get(key, None).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(piece) = read.bytes.next().await {
            bytes.extend_from_slice(&piece.map_err(StoreError::unavailable)?);
        }
        Ok(Some(bytes))
    }

    async fn is_kept(&self, name: &str, since: Timestamp) -> Result<bool, StoreError> {
        let Some(text) = self.bytes(&kept_key(name)?).await? else { return Ok(false) };
        let kept = String::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
        Ok(kept.is_some_and(|kept| kept >= since.unix_ms()))
    }
}

#[async_trait]
impl Models for ObjectModels {
    async fn save(&self, model: Bytes) -> Result<String, StoreError> {
        let now = self.clock.now().unix_ms().max(0);
        let name = format!("{now:014}-{:08x}", self.entropy.bits() as u32);
        let packed = aside(&name, move || compressed(&model)).await?;
        self.objects.put(&model_key(&name)?, CONTENT_TYPE, packed.into()).await?;
        Ok(name)
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        let prefix = ObjectPrefix::parse("ranking/models/");
        let prefix = prefix.map_err(|error: KeyError| corrupt("", &error))?;
        let name = |key: &ObjectKey| key.as_str().rsplit('/').next().map(ToOwned::to_owned);
        let mut names: Vec<String> = Vec::new();
        let mut after = None;
        // The latest are the last.
        for _ in 0..PAGES_MAX {
            let page = self.objects.list_prefix(&prefix, after.as_ref(), MODELS_LISTED_MAX).await?;
            names.extend(page.objects.iter().filter_map(|entry| name(&entry.key)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(names)
    }

    async fn load(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let Some(packed) = self.bytes(&model_key(name)?).await? else { return Ok(None) };
        Ok(Some(aside(name, move || whole(&packed)).await?.into()))
    }

    async fn keep(&self, name: &str) -> Result<(), StoreError> {
        let now = self.clock.now().unix_ms().to_string();
        self.objects.put(&kept_key(name)?, "text/plain", now.into()).await
    }

    async fn forget(&self, latest: usize, before: Timestamp) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for name in self.names().await?.into_iter().skip(latest) {
            if self.is_kept(&name, before).await? {
                continue;
            }
            self.objects.delete(&model_key(&name)?).await?;
            self.objects.delete(&kept_key(&name)?).await?;
            forgotten += 1;
        }
        Ok(forgotten)
    }
}
