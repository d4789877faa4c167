//! The contract of the upload spool.

use std::path::Path;

use bytes::Bytes;
use futures_util::StreamExt as _;
use vitrine::adapters::fs::spool::FsSpool;
use vitrine::domain::id::UploadId;
use vitrine::ports::error::StoreError;
use vitrine::ports::upload_spool::IncomingBytes;
use vitrine::ports::upload_spool::SpoolError;
use vitrine::ports::upload_spool::UploadSpool;

const UPLOAD: UploadId = UploadId::from_bits(7);
const MAX: u64 = 10_000_000;

fn spool(root: &Path) -> FsSpool {
    FsSpool::open(root.join("spool")).unwrap()
}

/// A stream of these pieces; `None` is a broken connection.
fn pieces(pieces: Vec<Option<&'static [u8]>>) -> IncomingBytes {
    let piece = |piece: Option<&'static [u8]>| {
        piece.map(Bytes::from_static).ok_or_else(|| "connection reset".into())
    };
    futures_util::stream::iter(pieces.into_iter().map(piece)).boxed()
}

async fn append(spool: &FsSpool, offset: u64, bytes: &'static [u8]) -> Result<u64, SpoolError> {
    let appended = spool.append(UPLOAD, offset, pieces(vec![Some(bytes)]), MAX).await?;
    assert!(appended.interrupted.is_none());
    Ok(appended.durable_len)
}

#[tokio::test]
async fn bytes_add_up_over_appends_and_restarts() {
    let root = tempfile::tempdir().unwrap();
    let first = spool(root.path());
    assert_eq!(first.durable_len(UPLOAD).await.unwrap(), None);
    assert_eq!(append(&first, 0, b"abc").await.unwrap(), 3);
    let second = spool(root.path());
    assert_eq!(append(&second, 3, b"").await.unwrap(), 3);
    assert_eq!(append(&second, 3, b"def").await.unwrap(), 6);
    assert_eq!(second.durable_len(UPLOAD).await.unwrap(), Some(6));
    assert_eq!(std::fs::read(second.path(UPLOAD)).unwrap(), b"abcdef");
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_a_gap_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    assert!(matches!(append(&spool, 3, b"x").await, Err(SpoolError::Gap { durable_len: 0 })));
    assert_eq!(spool.durable_len(UPLOAD).await.unwrap(), None, "a refusal makes no file");
    append(&spool, 0, b"abcdef").await.unwrap();
    // The record said 2 when the crash came.
    assert_eq!(append(&spool, 2, b"X").await.unwrap(), 3);
    assert_eq!(std::fs::read(spool.path(UPLOAD)).unwrap(), b"abX");
    assert!(matches!(append(&spool, 4, b"x").await, Err(SpoolError::Gap { durable_len: 3 })));
    assert_eq!(append(&spool, 0, b"new").await.unwrap(), 3);
}

#[tokio::test]
async fn a_broken_stream_keeps_what_arrived() {
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    let broken = pieces(vec![Some(b"abc"), Some(b"de"), None, Some(b"never")]);
    let appended = spool.append(UPLOAD, 0, broken, MAX).await.unwrap();
    assert_eq!(appended.durable_len, 5);
    assert_eq!(appended.interrupted.unwrap().to_string(), "connection reset");
    assert_eq!(std::fs::read(spool.path(UPLOAD)).unwrap(), b"abcde");
}

#[tokio::test]
async fn the_limit_is_kept_to_the_byte() {
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    let exact = spool.append(UPLOAD, 0, pieces(vec![Some(b"abcd")]), 4).await.unwrap();
    assert_eq!(exact.durable_len, 4);
    let more = spool.append(UPLOAD, 4, pieces(vec![Some(b"e")]), 4).await;
    assert!(matches!(more, Err(SpoolError::TooLong { max_len: 4 })));
    let over = spool.append(UPLOAD, 2, pieces(vec![Some(b"XYZ")]), 4).await;
    assert!(matches!(over, Err(SpoolError::TooLong { .. })));
    assert_eq!(std::fs::read(spool.path(UPLOAD)).unwrap(), b"abXY");
}

#[tokio::test]
async fn large_streams_pass_through_small_buffers() {
    static BLOCK: [u8; 100_000] = [7; 100_000];
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    let bytes = pieces(vec![Some(&BLOCK[..]); 50]);
    let appended = spool.append(UPLOAD, 0, bytes, MAX).await.unwrap();
    assert_eq!(appended.durable_len, 5_000_000);
}

#[tokio::test]
async fn one_append_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let slow = futures_util::stream::once(async move { Ok(receiver.await.unwrap()) }).boxed();
    let first = spool.append(UPLOAD, 0, slow, MAX);
    let second = async {
        tokio::task::yield_now().await;
        let refused = append(&spool, 0, b"x").await;
        assert!(matches!(refused, Err(SpoolError::Store(StoreError::Conflict))));
        assert!(matches!(spool.remove(UPLOAD).await, Err(StoreError::Conflict)));
        sender.send(Bytes::from_static(b"slow")).unwrap();
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().durable_len, 4);
    assert_eq!(append(&spool, 4, b"!").await.unwrap(), 5);
}

#[tokio::test]
async fn an_abandoned_append_frees_the_upload() {
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    let endless = futures_util::stream::pending().boxed();
    let append_endless = spool.append(UPLOAD, 0, endless, MAX);
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), append_endless).await;
    assert!(waited.is_err());
    assert_eq!(append(&spool, 0, b"abc").await.unwrap(), 3);
}

#[tokio::test]
async fn files_are_swept_in_order_and_removed() {
    let root = tempfile::tempdir().unwrap();
    let spool = spool(root.path());
    let ids: Vec<UploadId> = (1..=5_u128).map(|n| UploadId::from_bits(n << 80)).collect();
    for id in ids.iter().rev() {
        spool.append(*id, 0, pieces(vec![]), MAX).await.unwrap();
    }
    std::fs::write(root.path().join("spool/notes.txt"), b"not ours").unwrap();
    std::fs::write(root.path().join("spool/nonsense.part"), b"not ours").unwrap();
    assert_eq!(spool.sweep(None, 3).await.unwrap(), ids[..3]);
    assert_eq!(spool.sweep(Some(ids[2]), 3).await.unwrap(), ids[3..]);
    spool.remove(ids[0]).await.unwrap();
    spool.remove(ids[0]).await.unwrap();
    assert_eq!(spool.sweep(None, 10).await.unwrap(), ids[1..]);
}
