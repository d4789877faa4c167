//! One CSV file of a data folder: named columns, cells with their place, ids as small numbers.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::{ByteRecord, Reader, ReaderBuilder};
use flate2::read::MultiGzDecoder;
use rustc_hash::FxHashMap;

use super::folder::{FolderError, MISSING};
use crate::domain::limits::{EVAL_FILE_BYTES_MAX, EVAL_IDS_MAX};

/// How a gzip file begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A CSV file with a header, plain or gzip (told by its first bytes, not by its name).
pub(super) struct Table {
    path: PathBuf,
    reader: Reader<Box<dyn Read>>,
    header: Vec<String>,
    record: ByteRecord,
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
        let opening = GZIP_MAGIC.len() as u64;
        file.by_ref().take(opening).read_to_end(&mut magic).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let file = BufReader::with_capacity(1 << 16, file);
        // The bound holds for what comes out: a small gzip file can hold a very large one.
        let plain: Box<dyn Read> = if magic == GZIP_MAGIC {
            Box::new(MultiGzDecoder::new(file).take(EVAL_FILE_BYTES_MAX))
        } else {
            Box::new(file.take(EVAL_FILE_BYTES_MAX))
        };
        let mut reader = ReaderBuilder::new().from_reader(plain);
        let header = reader
            .byte_headers()
            .map_err(|source| FolderError::Csv { path: path.to_owned(), source })?
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().trim_matches('\u{feff}').to_owned())
            .collect();
        Ok(Self { path: path.to_owned(), reader, header, record: ByteRecord::new() })
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The place of the first of these columns that the file has.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|column| column == name))
    }

    /// As [`Self::find`], for columns that the file cannot do without.
    pub(super) fn need(&self, names: &[&str]) -> Result<usize, FolderError> {
        self.find(names).ok_or_else(|| FolderError::Column {
            path: self.path.clone(),
            column: names[0].to_owned(),
            has: self.header.join(", "),
        })
    }

    /// Reads the next row; `false` at the end.
    pub(super) fn next(&mut self) -> Result<bool, FolderError> {
        self.reader
            .read_byte_record(&mut self.record)
            .map_err(|source| FolderError::Csv { path: self.path.clone(), source })
    }

    pub(super) fn text(&self, column: usize) -> Result<&str, FolderError> {
        let cell = self.record.get(column).unwrap_or_default();
        std::str::from_utf8(cell)
            .map(str::trim)
            .map_err(|_| self.fault(column, &String::from_utf8_lossy(cell), "text in UTF-8"))
    }

    /// A name that must not be empty.
    pub(super) fn id(&self, column: usize) -> Result<&str, FolderError> {
        let text = self.text(column)?;
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(self.fault(column, text, "an id without blanks"));
        }
        Ok(text)
    }

    /// A whole number; a fraction is rounded, since many tools write integers as `12.0`.
    pub(super) fn integer(&self, column: usize) -> Result<i64, FolderError> {
        let text = self.text(column)?;
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        match text.parse::<f64>() {
            Ok(number) if number.abs() < 9.0e15 => Ok(number.round() as i64),
            _ => Err(self.fault(column, text, "a number")),
        }
    }

    /// A number of milliseconds or `None` for an empty or negative cell.
    pub(super) fn span_ms(&self, column: usize) -> Result<Option<u32>, FolderError> {
        if is_absent(self.text(column)?) {
            return Ok(None);
        }
        Ok(u32::try_from(self.integer(column)?.min(i64::from(u32::MAX) - 1)).ok())
    }

    /// 0, 1, [`MISSING`], or nothing if the cell is no label.
    pub(super) fn try_label(&self, column: usize) -> Result<Option<u8>, FolderError> {
        Ok(match self.text(column)? {
            "0" | "0.0" | "false" | "False" => Some(0),
            "1" | "1.0" | "true" | "True" => Some(1),
            text if is_absent(text) => Some(MISSING),
            _ => None,
        })
    }

    pub(super) fn label(&self, column: usize) -> Result<u8, FolderError> {
        let label = self.try_label(column)?;
        label.ok_or_else(|| self.fault(column, self.text(column).unwrap_or_default(), "0 or 1"))
    }

    fn fault(&self, column: usize, found: &str, wanted: &'static str) -> FolderError {
        FolderError::Cell {
            path: self.path.clone(),
            line: self.record.position().map_or(0, csv::Position::line),
            column: self.header.get(column).cloned().unwrap_or_default(),
            found: found.chars().take(80).collect(),
            wanted,
        }
    }
}

fn is_absent(text: &str) -> bool {
    matches!(text, "" | "nan" | "NaN" | "null" | "NULL" | "None")
}

/// Ids of a data folder as dense numbers in order of their first appearance.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    numbers: FxHashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Ids {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The id as the folder writes it.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    /// The number of an id that was met.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The number of an id, a new one if it was not met before.
    pub(super) fn intern(&mut self, name: &str, what: &'static str) -> Result<u32, FolderError> {
        if let Some(&number) = self.numbers.get(name) {
            return Ok(number);
        }
        if self.names.len() >= EVAL_IDS_MAX {
            return Err(FolderError::TooMany { what, max: EVAL_IDS_MAX });
        }
        let name: Arc<str> = Arc::from(name);
        let number = self.names.len() as u32;
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        Ok(number)
    }
}
