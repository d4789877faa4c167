//! Whether every clip that the feed may show can be played.

use std::sync::Arc;

use crate::ports::clips::ClipStore;
use crate::ports::error::StoreError;
use crate::ports::objects::{ObjectKey, ObjectStore};

/// Clips read at a time.
const PAGE_LEN: usize = 200;

/// Published clips whose master playlist or poster is missing, one line each.
pub async fn unplayable(
    clips: &Arc<dyn ClipStore>,
    objects: &Arc<dyn ObjectStore>,
) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    let mut after = None;
    loop {
        let page = clips.published(after, PAGE_LEN).await?;
        for clip in &page {
            let Some((media, _)) = clip.published() else {
                findings.push(format!("clips: {} is listed as published but is not", clip.id));
                continue;
            };
            for key in [media.master_key(), media.poster_key()] {
                let found = match ObjectKey::parse(&key) {
                    Ok(key) => objects.head(&key).await?.is_some(),
                    Err(_) => false,
                };
                if !found {
                    findings.push(format!("clips: {} lacks its object `{key}`", clip.id));
                }
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE_LEN => after = Some(last.id),
            Some(_) | None => return Ok(findings),
        }
    }
}
