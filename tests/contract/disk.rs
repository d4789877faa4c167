//! A disk that fails when it is told to, and forgets what was not synced.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rand_core::RngCore;
use redb::StorageBackend;

/// What a disk writes as a whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// What remains of unsynced changes when the power goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remains {
    /// All: only the process died.
    All,
    /// Nothing.
    Nothing,
    /// Some sectors, whatever their order was.
    Some,
}

#[derive(Debug)]
enum Change {
    Len(usize),
    Write(usize, Vec<u8>),
}

#[derive(Debug)]
struct Unsynced {
    change: Change,
    /// A sync failed after it. What the kernel could not write it may take for written, so no later
    /// sync makes it safe.
    doomed: bool,
    /// A sync succeeded after it, but an earlier change is doomed.
    safe: bool,
}

#[derive(Debug, Default)]
struct State {
    /// What reads see.
    cache: Vec<u8>,
    /// What is there whatever happens.
    durable: Vec<u8>,
    /// Changes since, in order.
    unsynced: Vec<Unsynced>,
    /// Operations that change something, so far.
    operations: u64,
    /// The number of the one that fails.
    fails_at: Option<u64>,
    /// Whether operations after that one succeed again.
    recovers: bool,
    broken: bool,
}

impl State {
    /// Counts an operation; whether it may succeed.
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        let fails = self.fails_at == Some(self.operations) || (self.broken && !self.recovers);
        if fails {
            self.broken = true;
            return Err(io::Error::other("the disk fails on purpose"));
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        let outcome = self.step();
        if outcome.is_ok() {
            apply(&mut self.cache, &change, || true);
        }
        // A failed one may have been done in part.
        self.unsynced.push(Unsynced { change, doomed: outcome.is_err(), safe: false });
        outcome
    }
}

/// Does a change, sector by sector as `keeps` says.
fn apply(bytes: &mut Vec<u8>, change: &Change, mut keeps: impl FnMut() -> bool) {
    match change {
        Change::Len(len) => {
            if keeps() {
                bytes.resize(*len, 0);
            }
        }
        Change::Write(at, data) => {
            for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                let start = at + index * SECTOR_BYTES;
                let end = start + sector.len();
                if keeps() {
                    bytes.resize(bytes.len().max(end), 0);
                    bytes[start..end].copy_from_slice(sector);
                }
            }
        }
    }
}

/// The disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A healthy disk with these bytes.
    pub fn with(bytes: Vec<u8>) -> Self {
        let state = State { cache: bytes.clone(), durable: bytes, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Makes the operation fail that comes after `more` others.
    pub fn fail_after(&self, more: u64, recovers: bool) {
        let mut state = self.0.lock();
        state.fails_at = Some(state.operations + 1 + more);
        state.recovers = recovers;
    }

    /// Whether it failed.
    pub fn is_broken(&self) -> bool {
        self.0.lock().broken
    }

    /// The bytes that a machine finds which starts after the power went now.
    pub fn after_power_cut(&self, remains: Remains, rng: &mut impl RngCore) -> Vec<u8> {
        let state = self.0.lock();
        let mut bytes = state.durable.clone();
        for unsynced in &state.unsynced {
            let keeps = || match remains {
                _ if unsynced.safe => true,
                Remains::All => true,
                Remains::Nothing => false,
                Remains::Some => rng.next_u32().is_multiple_of(2),
            };
            apply(&mut bytes, &unsynced.change, keeps);
        }
        bytes
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().cache.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock();
        let start = offset as usize;
        let found = state.cache.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().change(Change::Len(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let outcome = state.step();
        for unsynced in &mut state.unsynced {
            unsynced.doomed |= outcome.is_err() && !unsynced.safe;
            unsynced.safe |= outcome.is_ok() && !unsynced.doomed;
        }
        if state.unsynced.iter().all(|unsynced| unsynced.safe) {
            for unsynced in state.unsynced.drain(..) {
                apply(&mut state.durable, &unsynced.change, || true);
            }
        }
        outcome
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().change(Change::Write(offset as usize, data.to_vec()))
    }
}
