//! The contract of the upload spool, over every spool: files of one node, and objects that nodes share.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tempfile::TempDir;
use vitrine::adapters::fs::spool::FsSpool;
use vitrine::adapters::s3::S3Objects;
use vitrine::adapters::s3::S3Spool;
use vitrine::domain::id::UploadId;
use vitrine::ports::error::StoreError;
use vitrine::ports::objects::ObjectKey;
use vitrine::ports::objects::ObjectStore;
use vitrine::ports::upload_spool::IncomingBytes;
use vitrine::ports::upload_spool::SpoolError;
use vitrine::ports::upload_spool::UploadSpool;

use crate::backends;

const UPLOAD: UploadId = UploadId::from_bits(7);
const MAX: u64 = 10_000_000;

/// Where spools are opened again and again over the same bytes.
struct Place {
    root: TempDir,
    objects: Option<Arc<dyn ObjectStore>>,
    claims: AtomicU64,
}

impl Place {
    fn new(objects: impl FnOnce(&Path) -> Option<S3Objects>) -> Self {
        let root = tempfile::tempdir().unwrap();
        let objects = objects(root.path()).map(|objects| Arc::new(objects) as _);
        Self { root, objects, claims: AtomicU64::new(0) }
    }

    fn files() -> Self {
        Self::new(|_| None)
    }

    fn our_s3() -> Self {
        Self::new(|root| Some(backends::in_process(root)))
    }

    async fn outside_s3() -> Self {
        let config = backends::outside().await;
        Self::new(|_| Some(S3Objects::new(&config, None)))
    }

    /// A spool as after a restart or, where bytes are shared, of another node.
    fn spool(&self) -> Arc<dyn UploadSpool> {
        let Some(objects) = &self.objects else {
            return Arc::new(FsSpool::open(self.root.path().join("spool")).unwrap());
        };
        let directory = self.root.path().join(format!("node-{}", self.claim()));
        Arc::new(S3Spool::open(Arc::clone(objects), directory).unwrap())
    }

    /// A claim above all before.
    fn claim(&self) -> u64 {
        self.claims.fetch_add(1, Ordering::Relaxed)
    }

    async fn append(
        &self,
        spool: &dyn UploadSpool,
        offset: u64,
        bytes: &'static [u8],
    ) -> Result<u64, SpoolError> {
        let bytes = pieces(vec![Some(bytes)]);
        let appended = spool.append(UPLOAD, self.claim(), offset, bytes, MAX).await?;
        assert!(appended.interrupted.is_none());
        Ok(appended.durable_len)
    }
}

/// Makes each case a test over every spool.
macro_rules! over_every_spool {
    ($($case:ident),+ $(,)?) => {
        mod files {
            $(#[tokio::test] async fn $case() { super::$case(&super::Place::files()).await; })+
        }
        mod our_s3 {
            $(#[tokio::test] async fn $case() { super::$case(&super::Place::our_s3()).await; })+
        }
        mod outside_s3 {
            $(#[tokio::test] async fn $case() {
                super::$case(&super::Place::outside_s3().await).await;
            })+
        }
    };
}

over_every_spool!(
    bytes_add_up_over_appends_and_restarts,
    a_torn_tail_is_cut_and_a_gap_is_refused,
    a_broken_stream_keeps_what_arrived,
    the_limit_is_kept_to_the_byte,
    large_streams_pass_through_small_buffers,
    one_append_at_a_time,
    an_abandoned_append_frees_the_upload,
    uploads_are_swept_in_order_and_removed,
    an_overtaken_node_harms_nothing,
);

/// A stream of these pieces; `None` is a broken connection.
fn pieces(pieces: Vec<Option<&'static [u8]>>) -> IncomingBytes {
    let piece = |piece: Option<&'static [u8]>| {
        piece.map(Bytes::from_static).ok_or_else(|| "connection reset".into())
    };
    futures_util::stream::iter(pieces.into_iter().map(piece)).boxed()
}

/// The first `len` bytes of the upload.
async fn whole(spool: &dyn UploadSpool, len: u64) -> Vec<u8> {
    let file = spool.assemble(UPLOAD, len).await.unwrap();
    let mut bytes = std::fs::read(file.path()).unwrap();
    bytes.truncate(len as usize);
    bytes
}

async fn bytes_add_up_over_appends_and_restarts(place: &Place) {
    let first = place.spool();
    assert_eq!(first.durable_len(UPLOAD).await.unwrap(), None);
    assert_eq!(place.append(&*first, 0, b"abc").await.unwrap(), 3);
    let second = place.spool();
    assert_eq!(place.append(&*second, 3, b"").await.unwrap(), 3);
    assert_eq!(place.append(&*second, 3, b"def").await.unwrap(), 6);
    assert_eq!(second.durable_len(UPLOAD).await.unwrap(), Some(6));
    assert_eq!(whole(&*second, b"abcdef".len() as u64).await, b"abcdef");
}

async fn a_torn_tail_is_cut_and_a_gap_is_refused(place: &Place) {
    let spool = place.spool();
    assert!(matches!(
        place.append(&*spool, 3, b"x").await,
        Err(SpoolError::Gap { durable_len: 0 })
    ));
    assert_eq!(spool.durable_len(UPLOAD).await.unwrap(), None, "a refusal makes no file");
    place.append(&*spool, 0, b"abcdef").await.unwrap();
    // The record said 2 when the crash came.
    assert_eq!(place.append(&*spool, 2, b"X").await.unwrap(), 3);
    assert_eq!(whole(&*spool, b"abX".len() as u64).await, b"abX");
    assert!(matches!(
        place.append(&*spool, 4, b"x").await,
        Err(SpoolError::Gap { durable_len: 3 })
    ));
    assert_eq!(place.append(&*spool, 0, b"new").await.unwrap(), 3);
}

async fn a_broken_stream_keeps_what_arrived(place: &Place) {
    let spool = place.spool();
    let broken = pieces(vec![Some(b"abc"), Some(b"de"), None, Some(b"never")]);
    let appended = spool.append(UPLOAD, place.claim(), 0, broken, MAX).await.unwrap();
    assert_eq!(appended.durable_len, 5);
    assert_eq!(appended.interrupted.unwrap().to_string(), "connection reset");
    assert_eq!(whole(&*spool, b"abcde".len() as u64).await, b"abcde");
}

async fn the_limit_is_kept_to_the_byte(place: &Place) {
    let spool = place.spool();
    let exact =
        spool.append(UPLOAD, place.claim(), 0, pieces(vec![Some(b"abcd")]), 4).await.unwrap();
    assert_eq!(exact.durable_len, 4);
    let more = spool.append(UPLOAD, place.claim(), 4, pieces(vec![Some(b"e")]), 4).await;
    assert!(matches!(more, Err(SpoolError::TooLong { max_len: 4 })));
    let over = spool.append(UPLOAD, place.claim(), 2, pieces(vec![Some(b"XYZ")]), 4).await;
    assert!(matches!(over, Err(SpoolError::TooLong { .. })));
    assert_eq!(whole(&*spool, b"abXY".len() as u64).await, b"abXY");
}

async fn large_streams_pass_through_small_buffers(place: &Place) {
    static BLOCK: [u8; 100_000] = [7; 100_000];
    let spool = place.spool();
    let bytes = pieces(vec![Some(&BLOCK[..]); 50]);
    let appended = spool.append(UPLOAD, place.claim(), 0, bytes, MAX).await.unwrap();
    assert_eq!(appended.durable_len, 5_000_000);
}

async fn one_append_at_a_time(place: &Place) {
    let spool = place.spool();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let slow = futures_util::stream::once(async move { Ok(receiver.await.unwrap()) }).boxed();
    let first = spool.append(UPLOAD, place.claim(), 0, slow, MAX);
    let second = async {
        tokio::task::yield_now().await;
        let refused = place.append(&*spool, 0, b"x").await;
        assert!(matches!(refused, Err(SpoolError::Store(StoreError::Conflict))));
        assert!(matches!(spool.remove(UPLOAD).await, Err(StoreError::Conflict)));
        sender.send(Bytes::from_static(b"slow")).unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().durable_len, 4);
    assert_eq!(place.append(&*spool, 4, b"!").await.unwrap(), 5);
}

async fn an_abandoned_append_frees_the_upload(place: &Place) {
    let spool = place.spool();
    let endless = futures_util::stream::pending().boxed();
    let append_endless = spool.append(UPLOAD, place.claim(), 0, endless, MAX);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), append_endless).await;
    assert!(waited.is_err());
    assert_eq!(place.append(&*spool, 0, b"abc").await.unwrap(), 3);
}

async fn uploads_are_swept_in_order_and_removed(place: &Place) {
    let spool = place.spool();
    let ids: Vec<UploadId> = (1..=5_u128).map(|n| UploadId::from_bits(n << 80)).collect();
    for id in ids.iter().rev() {
        spool.append(*id, place.claim(), 0, pieces(vec![]), MAX).await.unwrap();
        assert_eq!(spool.durable_len(*id).await.unwrap(), Some(0));
        spool.append(*id, place.claim(), 0, pieces(vec![Some(b"abc")]), MAX).await.unwrap();
        spool.append(*id, place.claim(), 3, pieces(vec![Some(b"def")]), MAX).await.unwrap();
    }
    if let Some(objects) = &place.objects {
        for name in ["spool/notes.txt", "spool/nonsense/00000000000000000001"] {
            let key = ObjectKey::parse(name).unwrap();
            objects.put(&key, "text/plain", Bytes::from_static(b"not ours")).await.unwrap();
        }
    } else {
        std::fs::write(place.root.path().join("spool/notes.txt"), b"not ours").unwrap();
        std::fs::write(place.root.path().join("spool/nonsense.part"), b"not ours").unwrap();
    }
    assert_eq!(spool.sweep(None, 3).await.unwrap(), ids[..3]);
    assert_eq!(spool.sweep(Some(ids[2]), 3).await.unwrap(), ids[3..]);
    spool.remove(ids[0]).await.unwrap();
    spool.remove(ids[0]).await.unwrap();
    assert_eq!(spool.durable_len(ids[0]).await.unwrap(), None);
    assert_eq!(spool.sweep(None, 10).await.unwrap(), ids[1..]);
}

/// A node holds an append open while its client goes on elsewhere; then the old bytes arrive after all.
async fn an_overtaken_node_harms_nothing(place: &Place) {
    let (slow, quick) = (place.spool(), place.spool());
    if !slow.is_shared() {
        return; // Nobody else has the directory.
    }
    place.append(&*slow, 0, b"begun").await.unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (began, begun) = tokio::sync::oneshot::channel();
    let late = async move {
        began.send(()).unwrap();
        Ok(receiver.await.unwrap())
    };
    let late = futures_util::stream::once(late).boxed();
    let first = slow.append(UPLOAD, place.claim(), 5, late, MAX);
    let second = async {
        begun.await.unwrap();
        assert_eq!(place.append(&*quick, 5, b" and ").await.unwrap(), 10);
        assert_eq!(place.append(&*quick, 10, b"done").await.unwrap(), 14);
        sender.send(Bytes::from_static(b"--------------------")).unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().durable_len, 25, "it does not know; its record will tell");
    for node in [slow, quick, place.spool()] {
        assert_eq!(node.durable_len(UPLOAD).await.unwrap(), Some(14));
        assert_eq!(whole(&*node, 14).await, b"begun and done");
    }
    let stale = place.spool().append(UPLOAD, 1, 0, pieces(vec![Some(b"x")]), MAX).await;
    assert!(matches!(stale, Err(SpoolError::Store(StoreError::Conflict))));
}
