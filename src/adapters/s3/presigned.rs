//! Links by which someone without keys may read or write one object for a while.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use super::S3Objects;
use crate::ports::error::StoreError;
use crate::ports::objects::ObjectKey;

impl S3Objects {
    /// A link by which anybody may GET the object for `ttl`, whole or in ranges. S3 allows a week.
    /// Nobody is asked, so the object need not be there.
    pub async fn presigned_get(
        &self,
        key: &ObjectKey,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let ttl = PresigningConfig::expires_in(ttl).map_err(StoreError::unavailable)?;
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let signed = request.presigned(ttl).await.map_err(StoreError::unavailable)?;
        Ok(signed.uri().to_owned())
    }

    /// A link by which anybody may PUT the object for `ttl`, with exactly this media type and length
    /// in bytes: both are signed. S3 allows a week.
    pub async fn presigned_put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        len: u64,
        ttl: Duration,
    ) -> Result<String, StoreError> {
        let ttl = PresigningConfig::expires_in(ttl).map_err(StoreError::unavailable)?;
        let request = self.client.put_object().bucket(&self.bucket).key(key.as_str());
        let request = request.content_type(content_type).content_length(len.cast_signed());
        let signed = request.presigned(ttl).await.map_err(StoreError::unavailable)?;
        Ok(signed.uri().to_owned())
    }
}
