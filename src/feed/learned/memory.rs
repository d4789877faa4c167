//! Whom and what the learner remembers, under small numbers that are reused.

use rustc_hash::FxHashMap;

use crate::domain::limits::{LEARNED_CLIPS_MAX, LEARNED_VIEWERS_MAX};
use crate::feed::learned::view::bit;
use crate::ranking::learner::feed::{Head, Trace};
use crate::ranking::learner::snapshot::{Reader, SnapshotError, Writer};

/// Views of a viewer that may be going on, or were a moment ago: a player loads a few clips ahead.
const VIEWS: usize = 4;
/// Clips that are forgotten together when there are too many: finding them walks over all.
const FORGOTTEN: usize = LEARNED_CLIPS_MAX / 64;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct View {
    clip: u64,
    deeds: u16,
    is_over: bool,
    /// How long it was watched, all ends together.
    watch_ms: u32,
}

/// What the end of a view says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over, and this was done in it.
    First(u16),
    /// It had ended before: a player that was hidden told so then, came back, and went on.
    Again {
        /// What was done in it.
        deeds: u16,
        /// How long it had been watched until then.
        before_ms: u32,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Viewer {
    key: u64,
    trace: Trace,
    views: [View; VIEWS],
    /// The view that the next one replaces.
    oldest: u8,
    was_here: bool,
}

/// The viewers. When there are too many, one goes who was not here since the hand passed last
/// (Corbató's clock).
#[derive(Clone, Debug, Default)]
pub struct Viewers {
    numbers: FxHashMap<u64, u32>,
    all: Vec<Viewer>,
    hand: usize,
}

impl Viewers {
    /// How many numbers are in use.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The number of a viewer who is remembered.
    pub fn find(&self, key: u64) -> Option<u32> {
        self.numbers.get(&key).copied()
    }

    /// The number of a viewer, and whether it was another's until now.
    pub fn claim(&mut self, key: u64) -> (u32, bool) {
        if let Some(number) = self.find(key) {
            self.all[number as usize].was_here = true;
            return (number, false);
        }
        let viewer = Viewer {
            key,
            trace: Trace::default(),
            views: [View::default(); VIEWS],
            oldest: 0,
            was_here: true,
        };
        if self.all.len() < LEARNED_VIEWERS_MAX {
            let number = self.all.len() as u32;
            self.all.push(viewer);
            self.numbers.insert(key, number);
            return (number, false);
        }
        while std::mem::take(&mut self.all[self.hand].was_here) {
            self.hand = (self.hand + 1) % self.all.len();
        }
        let number = self.hand as u32;
        self.hand = (self.hand + 1) % self.all.len();
        let gone = std::mem::replace(&mut self.all[number as usize], viewer);
        self.numbers.remove(&gone.key);
        self.numbers.insert(key, number);
        (number, true)
    }

    /// A viewer's short memory.
    pub fn trace(&self, number: u32) -> Trace {
        self.all[number as usize].trace
    }

    /// A viewer's short memory, to be added to.
    pub fn trace_mut(&mut self, number: u32) -> &mut Trace {
        &mut self.all[number as usize].trace
    }

    fn view(&mut self, number: u32, clip: u64) -> Option<&mut View> {
        self.all[number as usize].views.iter_mut().find(|view| view.clip == clip)
    }

    /// A view begins.
    pub fn begin(&mut self, number: u32, clip: u64) {
        let fresh = View { clip, ..View::default() };
        if let Some(view) = self.view(number, clip) {
            // What was done before the impression came in belongs to it.
            if view.is_over {
                *view = fresh;
            }
            return;
        }
        let viewer = &mut self.all[number as usize];
        viewer.views[usize::from(viewer.oldest)] = fresh;
        viewer.oldest = (viewer.oldest + 1) % VIEWS as u8;
    }

    /// A view ends, or goes on and ends once more. What is done later is added to what was done in it.
    pub fn end(&mut self, number: u32, clip: u64, watch_ms: u32) -> Option<Ended> {
        if self.view(number, clip).is_none() {
            self.begin(number, clip);
        }
        let view = self.view(number, clip)?;
        let (deeds, before_ms) = (view.deeds, view.watch_ms);
        view.watch_ms = before_ms.saturating_add(watch_ms);
        let was_over = std::mem::replace(&mut view.is_over, true);
        Some(if was_over { Ended::Again { deeds, before_ms } } else { Ended::First(deeds) })
    }

    /// Something is done with a clip; answers whether its view is over and this is news.
    pub fn does(&mut self, number: u32, clip: u64, head: Head) -> bool {
        if self.view(number, clip).is_none() {
            self.begin(number, clip);
            // Whoever buys has seen the clip, if longer ago than views are remembered.
            if let Some(view) = self.view(number, clip).filter(|_| head == Head::Buy) {
                view.is_over = true;
            }
        }
        let Some(view) = self.view(number, clip) else { return false };
        let is_new = view.deeds & bit(head) == 0;
        view.deeds |= bit(head);
        is_new && view.is_over
    }

    /// Appends all of it.
    pub fn write(&self, writer: &mut Writer) {
        writer.word(self.all.len() as u64);
        writer.word(self.hand as u64);
        for viewer in &self.all {
            writer.word(viewer.key);
            writer.word(u64::from(viewer.oldest) | u64::from(viewer.was_here) << 8);
            viewer.trace.write(writer);
            for view in viewer.views {
                writer.word(view.clip);
                let deeds = u64::from(view.deeds) | u64::from(view.is_over) << 16;
                writer.word(deeds | u64::from(view.watch_ms) << 32);
            }
        }
    }

    /// Reads it back.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (count, hand) = (reader.word()?, reader.word()?);
        if count > LEARNED_VIEWERS_MAX as u64 || hand >= count.max(1) {
            return Err(SnapshotError::Shape);
        }
        let mut read = Self { hand: hand as usize, ..Self::default() };
        for number in 0..count as u32 {
            let (key, word) = (reader.word()?, reader.word()?);
            let trace = Trace::read(reader)?;
            let mut views = [View::default(); VIEWS];
            for view in &mut views {
                let (clip, word) = (reader.word()?, reader.word()?);
                let is_over = word >> 16 & 1 != 0;
                *view = View { clip, deeds: word as u16, is_over, watch_ms: (word >> 32) as u32 };
            }
            let oldest = word as u8;
            if usize::from(oldest) >= VIEWS || read.numbers.insert(key, number).is_some() {
                return Err(SnapshotError::Damaged);
            }
            let was_here = word >> 8 != 0;
            read.all.push(Viewer { key, trace, views, oldest, was_here });
        }
        Ok(read)
    }
}

/// The clips that were met, with the offset at which each was met last.
#[derive(Clone, Debug, Default)]
pub struct Clips {
    numbers: FxHashMap<u64, u32>,
    met: Vec<(u64, u64)>,
    free: Vec<u32>,
}

impl Clips {
    /// How many numbers were given.
    pub fn len(&self) -> usize {
        self.met.len()
    }

    /// The number of a clip that was met.
    pub fn find(&self, key: u64) -> Option<u32> {
        self.numbers.get(&key).copied()
    }

    /// The key of a clip; 0 if it is forgotten.
    pub fn key(&self, number: u32) -> u64 {
        self.met.get(number as usize).map_or(0, |(key, _)| *key)
    }

    /// The number of a clip, and the numbers that are forgotten to make room.
    pub fn claim(&mut self, key: u64, offset: u64) -> (u32, Vec<u32>) {
        if let Some(number) = self.find(key) {
            self.met[number as usize].1 = offset;
            return (number, Vec::new());
        }
        let gone = if self.free.is_empty() && self.met.len() >= LEARNED_CLIPS_MAX {
            self.forget_longest()
        } else {
            Vec::new()
        };
        let number = self.free.pop().unwrap_or_else(|| {
            self.met.push((0, 0));
            self.met.len() as u32 - 1
        });
        self.met[number as usize] = (key, offset);
        self.numbers.insert(key, number);
        (number, gone)
    }

    /// Forgets those that were not met for longest.
    fn forget_longest(&mut self) -> Vec<u32> {
        let mut all: Vec<(u64, u32)> =
            self.met.iter().zip(0..).map(|(&(_, offset), number)| (offset, number)).collect();
        all.select_nth_unstable(FORGOTTEN);
        all.truncate(FORGOTTEN);
        all.sort_unstable();
        let gone: Vec<u32> = all.into_iter().map(|(_, number)| number).collect();
        for &number in &gone {
            let (key, _) = std::mem::take(&mut self.met[number as usize]);
            self.numbers.remove(&key);
        }
        self.free.clone_from(&gone);
        gone
    }

    /// Appends all of it.
    pub fn write(&self, writer: &mut Writer) {
        writer.word(self.met.len() as u64);
        for &(key, offset) in &self.met {
            writer.word(key);
            writer.word(offset);
        }
        writer.word(self.free.len() as u64);
        self.free.iter().for_each(|&number| writer.word(u64::from(number)));
    }

    /// Reads it back.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let count = reader.word()?;
        if count > LEARNED_CLIPS_MAX as u64 {
            return Err(SnapshotError::Shape);
        }
        let mut all = Self::default();
        for number in 0..count as u32 {
            let (key, offset) = (reader.word()?, reader.word()?);
            if key != 0 && all.numbers.insert(key, number).is_some() {
                return Err(SnapshotError::Damaged);
            }
            all.met.push((key, offset));
        }
        // Numbers without a clip are free, each once.
        let mut is_free: Vec<bool> = all.met.iter().map(|(key, _)| *key == 0).collect();
        for _ in 0..reader.word()? {
            let number = reader.word()?;
            let place = is_free.get_mut(usize::try_from(number).unwrap_or(usize::MAX));
            if !place.is_some_and(std::mem::take) {
                return Err(SnapshotError::Damaged);
            }
            all.free.push(number as u32);
        }
        if is_free.contains(&true) { Err(SnapshotError::Damaged) } else { Ok(all) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_belongs_to_the_view_until_it_ends() {
        let mut viewers = Viewers::default();
        let (number, _) = viewers.claim(7);
        viewers.begin(number, 1);
        assert!(!viewers.does(number, 1, Head::Like), "told with the view");
        assert_eq!(viewers.end(number, 1, 900), Some(Ended::First(bit(Head::Like))));
        let again = |before_ms| Some(Ended::Again { deeds: bit(Head::Like), before_ms });
        assert_eq!(viewers.end(number, 1, 50), again(900), "the same view goes on");
        assert_eq!(viewers.end(number, 1, u32::MAX), again(950));
        assert!(!viewers.does(number, 1, Head::Like), "no news");
        assert!(viewers.does(number, 1, Head::Buy), "told alone");
        viewers.begin(number, 1);
        assert_eq!(viewers.end(number, 1, 0), Some(Ended::First(0)), "another view");
        assert!(!viewers.does(number, 2, Head::TagTap), "its impression is still on its way");
        viewers.begin(number, 2);
        for clip in 3..=5 {
            viewers.begin(number, clip);
        }
        assert_eq!(viewers.end(number, 2, 0), Some(Ended::First(bit(Head::TagTap))));
        assert!(viewers.does(number, 1, Head::Buy), "long after its view");
    }

    #[test]
    fn viewers_are_bounded_and_who_was_here_stays() {
        let mut viewers = Viewers::default();
        for key in 1..=LEARNED_VIEWERS_MAX as u64 {
            assert!(!viewers.claim(key).1);
        }
        let (number, was_anothers) = viewers.claim(u64::MAX); // The hand passes everybody once.
        assert!(was_anothers && viewers.find(1).is_none() && number == 0);
        viewers.claim(2);
        viewers.claim(u64::MAX - 1);
        assert!(viewers.find(2).is_some() && viewers.find(3).is_none());
        assert_eq!(viewers.len(), LEARNED_VIEWERS_MAX);
    }

    #[test]
    fn free_numbers_are_those_without_a_clip_each_once() {
        let read = |free: &[u32]| {
            let met = vec![(0, 0), (7, 1), (0, 0)];
            let clips = Clips { numbers: FxHashMap::default(), met, free: free.to_vec() };
            let mut writer = Writer::new(1);
            clips.write(&mut writer);
            let bytes = writer.finish();
            Clips::read(&mut Reader::new(&bytes, 1).unwrap()).map(|clips| clips.free)
        };
        assert_eq!(read(&[2, 0]).unwrap(), [2, 0]);
        for free in [&[0, 0][..], &[0], &[0, 1], &[0, 2, 3]] {
            assert_eq!(read(free).unwrap_err(), SnapshotError::Damaged, "{free:?}");
        }
    }

    #[test]
    fn clips_are_bounded_and_the_longest_unmet_go() {
        let mut clips = Clips::default();
        for key in 1..=LEARNED_CLIPS_MAX as u64 {
            clips.claim(key, key);
        }
        clips.claim(1, u64::MAX);
        let (number, gone) = clips.claim(u64::MAX, u64::MAX);
        assert_eq!(gone.len(), FORGOTTEN);
        assert!(
            clips.find(1).is_some() && clips.find(2).is_none() && clips.key(number) == u64::MAX
        );
        assert!(clips.claim(2, u64::MAX).1.is_empty());
        assert_eq!(clips.len(), LEARNED_CLIPS_MAX);
    }
}
