//! How often two items were met by the same viewer, counted event by event.
//!
//! Small catalogues are counted exactly, in a triangle; large ones per item for its heaviest
//! companions only, so that memory is bounded by the catalogue and not by the log.

use super::dense::Symmetric;
use super::snapshot::{read_pairs, write_pairs};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// Items up to which all pairs are counted: 12,288² numbers of 4 bytes are 604 MB.
pub const EXACT_ITEMS_MAX: usize = 12_288;
/// Companions that all items of a large catalogue remember together, 8 bytes each.
const COMPANIONS_MAX: usize = 64 << 20;
/// Companions of one item, at least and at most.
const COMPANIONS_PER_ITEM: std::ops::RangeInclusive<usize> = 64..=1024;

/// Counts of pairs, and on the diagonal of single items.
#[derive(Clone, Debug, PartialEq)]
pub enum Counts {
    /// Every pair.
    Exact(Symmetric),
    /// The heaviest pairs of each item.
    Sparse(SparseCounts),
}

/// See [`Counts::Sparse`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseCounts {
    totals: Vec<f32>,
    /// Per item its companions by ascending number.
    companions: Vec<Vec<(u32, f32)>>,
    per_item_max: usize,
    /// Whether the bound stays as the catalogue grows.
    is_fixed: bool,
}

impl Counts {
    /// For a catalogue of so many items, all zero. A catalogue that grows starts with its room.
    pub fn new(items: usize) -> Self {
        if items <= EXACT_ITEMS_MAX { Self::exact(items) } else { Self::sparse(items) }
    }

    /// Every pair, whatever it takes.
    pub fn exact(items: usize) -> Self {
        Self::Exact(Symmetric::new(items))
    }

    /// The heaviest pairs.
    pub fn sparse(items: usize) -> Self {
        let companions = vec![Vec::new(); items];
        let per_item_max = per_item_max(items);
        let totals = vec![0.0; items];
        Self::Sparse(SparseCounts { totals, companions, per_item_max, is_fixed: false })
    }

    /// The heaviest pairs of a catalogue that is empty yet, so many an item however it grows.
    pub fn bounded(per_item_max: usize) -> Self {
        Self::Sparse(SparseCounts { per_item_max, is_fixed: true, ..SparseCounts::default() })
    }

    /// Makes room for so many items. Counts of all pairs become counts of the heaviest ones, since a
    /// catalogue that grows has no end to its pairs.
    pub fn grow(&mut self, items: usize) {
        if let Self::Exact(_) = self {
            let mut sparse = Self::sparse(self.items());
            if let Self::Sparse(into) = &mut sparse {
                for item in 0..self.items() as u32 {
                    into.totals[item as usize] = self.total(item);
                    into.companions[item as usize] = self.companions(item);
                    into.bound(item);
                }
            }
            *self = sparse;
        }
        if let Self::Sparse(sparse) = self {
            let items = items.max(sparse.totals.len());
            sparse.totals.resize(items, 0.0);
            sparse.companions.resize_with(items, Vec::new);
            if !sparse.is_fixed {
                sparse.per_item_max = per_item_max(items);
            }
        }
    }

    /// How many items there is room for.
    pub fn items(&self) -> usize {
        match self {
            Self::Exact(cells) => cells.size(),
            Self::Sparse(sparse) => sparse.totals.len(),
        }
    }

    /// Counts an item that a viewer meets, together with each of those met before.
    pub fn learn(&mut self, before: impl Iterator<Item = (u32, f32)>, item: u32, strength: f32) {
        match self {
            Self::Exact(cells) => {
                cells.add(item as usize, item as usize, strength * strength);
                for (other, other_strength) in before.filter(|(other, _)| *other != item) {
                    cells.add(item as usize, other as usize, strength * other_strength);
                }
            }
            Self::Sparse(sparse) => {
                sparse.totals[item as usize] += strength * strength;
                for (other, other_strength) in before.filter(|(other, _)| *other != item) {
                    sparse.add(item, other, strength * other_strength);
                    sparse.add(other, item, strength * other_strength);
                }
            }
        }
    }

    /// The count of one item alone.
    pub fn total(&self, item: u32) -> f32 {
        match self {
            Self::Exact(cells) => cells.at(item as usize, item as usize),
            Self::Sparse(sparse) => sparse.totals[item as usize],
        }
    }

    /// The count of a pair; zero for a pair that was too light to be remembered.
    pub fn pair(&self, one: u32, other: u32) -> f32 {
        match self {
            Self::Exact(cells) => cells.at(one as usize, other as usize),
            Self::Sparse(sparse) if one == other => sparse.totals[one as usize],
            Self::Sparse(sparse) => sparse.pair(one, other).max(sparse.pair(other, one)),
        }
    }

    /// The companions of an item with their counts, by ascending number.
    pub fn companions(&self, item: u32) -> Vec<(u32, f32)> {
        match self {
            Self::Exact(cells) => (0..cells.size() as u32)
                .filter(|&other| other != item)
                .map(|other| (other, cells.at(item as usize, other as usize)))
                .filter(|(_, count)| *count != 0.0)
                .collect(),
            Self::Sparse(sparse) => sparse.companions[item as usize].clone(),
        }
    }

    /// Forgets many items at once, by number: also with those that they do not remember themselves.
    pub fn forget_all(&mut self, gone: &[bool]) {
        let is_gone = |item: usize| gone.get(item).copied().unwrap_or(false);
        match self {
            Self::Exact(cells) => {
                (0..cells.size()).filter(|item| is_gone(*item)).for_each(|item| cells.clear(item));
            }
            Self::Sparse(sparse) => {
                for (item, companions) in sparse.companions.iter_mut().enumerate() {
                    if is_gone(item) {
                        companions.clear();
                        sparse.totals[item] = 0.0;
                    } else {
                        companions.retain(|(other, _)| !is_gone(*other as usize));
                    }
                }
            }
        }
    }

    /// Forgets an item that is no more.
    pub fn forget(&mut self, item: u32) {
        match self {
            Self::Exact(cells) => cells.clear(item as usize),
            Self::Sparse(sparse) => {
                sparse.totals[item as usize] = 0.0;
                for (other, _) in std::mem::take(&mut sparse.companions[item as usize]) {
                    let others = &mut sparse.companions[other as usize];
                    if let Ok(at) = others.binary_search_by_key(&item, |(other, _)| *other) {
                        others.remove(at);
                    }
                }
            }
        }
    }
}

impl SparseCounts {
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.floats(&self.totals);
        for companions in &self.companions {
            write_pairs(companions, writer);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, items: usize) -> Result<Self, SnapshotError> {
        let mut totals = vec![0.0; items];
        reader.fill(&mut totals)?;
        let companions = (0..items).map(|_| read_pairs(reader, items)).collect::<Result<_, _>>()?;
        Ok(Self { totals, companions, per_item_max: per_item_max(items), is_fixed: false })
    }

    /// The same counts with a bound that stays.
    pub(super) fn bounded(self, per_item_max: usize) -> Self {
        Self { per_item_max, is_fixed: true, ..self }
    }

    fn pair(&self, one: u32, other: u32) -> f32 {
        let companions = &self.companions[one as usize];
        let at = companions.binary_search_by_key(&other, |(other, _)| *other);
        at.map_or(0.0, |at| companions[at].1)
    }

    fn add(&mut self, one: u32, other: u32, amount: f32) {
        let companions = &mut self.companions[one as usize];
        match companions.binary_search_by_key(&other, |(other, _)| *other) {
            Ok(at) => companions[at].1 += amount,
            Err(at) => companions.insert(at, (other, amount)),
        }
        self.bound(one);
    }

    fn bound(&mut self, item: u32) {
        let companions = &mut self.companions[item as usize];
        if companions.len() > self.per_item_max {
            thin(companions, self.per_item_max * 3 / 4);
        }
    }
}

fn per_item_max(items: usize) -> usize {
    (COMPANIONS_MAX / items.max(1)).clamp(*COMPANIONS_PER_ITEM.start(), *COMPANIONS_PER_ITEM.end())
}

/// Keeps the heaviest companions; of equal ones those of lower number, so that all agree.
fn thin(companions: &mut Vec<(u32, f32)>, keep: usize) {
    let heavier = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    companions.select_nth_unstable_by(keep, heavier);
    companions.truncate(keep);
    companions.sort_unstable_by_key(|(other, _)| *other);
}
