//! The index as bytes and back: cell by cell, so that what is read answers, and changes, as what was
//! written would have.

use super::blocks::raise;
use super::cells::Cells;
use super::{CELL_MAX, COMPONENT_MAX, Embeddings, ORDINALS_MAX};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// "embeddin", version 1.
const KIND: u64 = 0x656d_6265_6464_0001;

impl Embeddings {
    /// The state, which [`Embeddings::from_bytes`] takes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND);
        writer.word(self.dimensions as u64);
        writer.word(self.work);
        writer.word(self.cells.len() as u64);
        let mut vector = vec![0.0; self.dimensions];
        for cell in &self.cells.all {
            writer.word(cell.len as u64);
            for sum in cell.sums() {
                writer.word(sum.to_bits());
            }
            for member in 0..cell.len {
                let place = cell.place(member);
                self.blocks.read(place, &mut vector);
                writer.word(u64::from(self.blocks.ordinal(place)));
                writer.floats(&vector);
            }
        }
        writer.finish()
    }

    /// Reads what [`Embeddings::to_bytes`] wrote, for an index of so many dimensions.
    pub fn from_bytes(bytes: &[u8], dimensions: usize) -> Result<Self, SnapshotError> {
        let mut reader = Reader::new(bytes, KIND)?;
        if reader.word()? != dimensions as u64 {
            return Err(SnapshotError::Shape);
        }
        let mut index = Self::new(dimensions);
        let work = reader.word()?;
        let cells = reader.word()?;
        for _ in 0..cells {
            index.read_cell(&mut reader)?;
        }
        reader.finish()?;
        index.work = work;
        Ok(index)
    }

    fn read_cell(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let len = reader.word()?;
        if len == 0 || len > CELL_MAX as u64 {
            return Err(SnapshotError::Shape);
        }
        let mut sums = vec![0.0; Cells::sums(self.dimensions + 1)];
        for sum in &mut sums {
            *sum = f64::from_bits(reader.word()?);
            if !sum.is_finite() {
                return Err(SnapshotError::Unbounded);
            }
        }
        let cell = self.cells.push();
        for _ in 0..len {
            let ordinal = reader.word()?;
            if ordinal >= u64::from(ORDINALS_MAX) || self.place(ordinal as u32).is_some() {
                return Err(SnapshotError::Shape);
            }
            reader.fill(&mut self.moving[..self.dimensions])?;
            if self.moving[..self.dimensions].iter().any(|own| own.abs() > COMPONENT_MAX) {
                return Err(SnapshotError::Unbounded);
            }
            raise(&mut self.moving);
            self.make_room(ordinal as u32);
            self.attach(cell, ordinal as u32);
            self.len += 1;
        }
        // As it was summed up, not as it would be now: the last bits tell the order of changes.
        self.cells.all[cell as usize].set_sums(&sums);
        self.cells.publish(cell);
        Ok(())
    }
}
