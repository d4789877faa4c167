//! Multipart uploads: parts are files with records of their own until they become one object.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::io::Seek as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use s3s::S3Result;
use s3s::crypto::Checksum as _;
use s3s::crypto::Md5;
use s3s::dto::CompletedPart;
use s3s::s3_error;
use serde::Deserialize;
use serde::Serialize;

use super::body::Received;
use super::directory::Condition;
use super::directory::Directory;
use super::directory::Opened;
use super::directory::Temp;
use super::directory::io_failed;
use super::directory::sync_folder;
use super::record::Headers;
use super::record::Record;
use crate::domain::limits::OBJECT_PARTS_MAX;

const ABOUT: &str = "upload.json";
/// The bound of S3: every part but the last has so many bytes.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// What an upload will become.
#[derive(Serialize, Deserialize)]
struct About {
    bucket: String,
    key: String,
    headers: Headers,
}

/// The upload that a request names.
#[derive(Clone, Debug)]
pub(super) struct UploadName {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) id: String,
}

fn part_path(folder: &Path, number: i32) -> PathBuf {
    folder.join(format!("{number:05}"))
}

/// 32 hexadecimal digits.
pub(super) fn hex(digest: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(digest))
}

/// Starts an upload and answers its id.
pub(super) fn create(
    directory: &Directory,
    bucket: String,
    key: String,
    headers: Headers,
) -> S3Result<String> {
    directory.bucket(&bucket)?;
    let about = About { bucket, key, headers };
    // Time keeps ids of different runs apart, the counter those of one run.
    let id = format!("{:013x}{:08x}", directory.now().unix_ms(), directory.next());
    let folder = directory.multipart(&id);
    let write = || -> io::Result<()> {
        fs::create_dir(&folder)?;
        let file = File::create_new(folder.join(ABOUT))?;
        serde_json::to_writer(&file, &about)?;
        file.sync_all()?;
        sync_folder(&folder)?;
        folder.parent().map_or(Ok(()), sync_folder)
    };
    write().map_err(io_failed)?;
    Ok(id)
}

/// The folder of an upload and what it will become; an id of another key is no upload at all.
fn find(directory: &Directory, name: &UploadName) -> S3Result<(PathBuf, About)> {
    if name.id.is_empty() || !name.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(s3_error!(NoSuchUpload));
    }
    let folder = directory.multipart(&name.id);
    let text = match fs::read(folder.join(ABOUT)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(s3_error!(NoSuchUpload));
        }
        Err(error) => return Err(io_failed(error)),
    };
    let about: About = serde_json::from_slice(&text).map_err(|error| io_failed(error.into()))?;
    if about.bucket != name.bucket || about.key != name.key {
        return Err(s3_error!(NoSuchUpload));
    }
    Ok((folder, about))
}

/// Refuses a part before its bytes are read.
pub(super) fn check_part(directory: &Directory, name: &UploadName, number: i32) -> S3Result<()> {
    if !(1..=OBJECT_PARTS_MAX).contains(&u64::try_from(number).unwrap_or(0)) {
        return Err(s3_error!(InvalidArgument, "part numbers are 1 to 10,000"));
    }
    find(directory, name).map(drop)
}

/// Keeps a part durably, replacing the one of the same number. Answers its etag.
pub(super) fn put_part(
    directory: &Directory,
    name: &UploadName,
    number: i32,
    received: Received,
) -> S3Result<String> {
    let (folder, _) = find(directory, name)?;
    let Received { mut temp, len, md5, .. } = received;
    let etag = hex(md5);
    let modified_ms = directory.now().unix_ms();
    temp.seal(&Record { len, etag: etag.clone(), modified_ms, headers: Headers::default() })?;
    match temp.place(&part_path(&folder, number)) {
        Ok(()) => Ok(etag),
        // Aborted meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(s3_error!(NoSuchUpload)),
        Err(error) => Err(io_failed(error)),
    }
}

/// The parts that are there, in order.
pub(super) fn parts(directory: &Directory, name: &UploadName) -> S3Result<Vec<(i32, Record)>> {
    let (folder, _) = find(directory, name)?;
    let mut parts = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io_failed)? {
        let entry = entry.map_err(io_failed)?;
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number
            && let Some(opened) = Directory::open_file(&entry.path())?
        {
            parts.push((number, opened.record));
        }
    }
    parts.sort_unstable_by_key(|(number, _)| *number);
    Ok(parts)
}

/// Drops an upload and its parts.
pub(super) fn abort(directory: &Directory, name: &UploadName) -> S3Result<()> {
    let (folder, _) = find(directory, name)?;
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_failed(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Finds and checks the parts that the client lists.
fn open_parts(folder: &Path, listed: &[CompletedPart]) -> S3Result<Vec<Opened>> {
    let numbers = listed.iter().map(|part| part.part_number.unwrap_or(0));
    if listed.is_empty() || !numbers.is_sorted_by(|a, b| a < b) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut opened = Vec::with_capacity(listed.len().min(OBJECT_PARTS_MAX as usize));
    for (index, part) in listed.iter().enumerate() {
        let path = part_path(folder, part.part_number.unwrap_or(0));
        let file = Directory::open_file(&path)?.ok_or_else(|| s3_error!(InvalidPart))?;
        if part.e_tag.as_ref().is_some_and(|etag| etag.value() != file.record.etag) {
            return Err(s3_error!(InvalidPart));
        }
        if file.record.len < PART_BYTES_MIN && index + 1 < listed.len() {
            return Err(s3_error!(EntityTooSmall));
        }
        opened.push(file);
    }
    Ok(opened)
}

/// Copies the payload of `from` behind what `to` holds.
pub(super) fn append(to: &mut Temp, from: Opened) -> io::Result<u64> {
    let Opened { mut file, record } = from;
    file.rewind()?;
    let copied = io::copy(&mut file.take(record.len), &mut to.file)?;
    if copied == record.len { Ok(copied) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Joins the listed parts into the object and drops the upload. Answers the object's etag.
pub(super) fn complete(
    directory: &Arc<Directory>,
    name: &UploadName,
    listed: &[CompletedPart],
    condition: Option<Condition<'_>>,
) -> S3Result<String> {
    let (folder, about) = find(directory, name)?;
    let parts = open_parts(&folder, listed)?;
    let mut temp = directory.temp().map_err(io_failed)?;
    let mut digests = Md5::new();
    let mut len = 0;
    for part in parts {
        let digest = u128::from_str_radix(&part.record.etag, 16);
        let digest = digest.map_err(|error| io_failed(io::Error::other(error)))?;
        digests.update(&digest.to_be_bytes());
        len += append(&mut temp, part).map_err(io_failed)?;
    }
    let etag = format!("{}-{}", hex(digests.finalize()), listed.len());
    let modified_ms = directory.now().unix_ms();
    temp.seal(&Record { len, etag: etag.clone(), modified_ms, headers: about.headers })?;
    directory.publish(temp, &name.bucket, &name.key, condition)?;
    // The object is safe; parts that cannot be removed now are swept at a later start.
    let _ = fs::remove_dir_all(folder);
    Ok(etag)
}
