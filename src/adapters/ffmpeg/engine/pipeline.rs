//! The loop that reads, decodes, places and hands out pictures.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ffmpeg_next as ff;
use ffmpeg_next::codec;
use ffmpeg_next::frame;
use ffmpeg_next::picture;
use ffmpeg_next::util::frame::side_data;

use crate::adapters::ffmpeg::engine::damage::Damage;
use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::output::{Listener, OutputDir};
use crate::adapters::ffmpeg::engine::pacing::Pacer;
use crate::adapters::ffmpeg::engine::playlist;
use crate::adapters::ffmpeg::engine::rendition::{ClosingThread, RenditionThread, Track};
use crate::adapters::ffmpeg::engine::scaler::{Geometry, PictureFormat, Scaler};
use crate::adapters::ffmpeg::engine::settings::Settings;
use crate::adapters::ffmpeg::engine::sound::Sound;
use crate::adapters::ffmpeg::engine::source::{self, PictureTrack, Received, Source};
use crate::adapters::ffmpeg::engine::still::{POSTER, STORYBOARD, Stills};
use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::media_failure::MediaFailure;
use crate::domain::rendition::{Orientation, Rung, SegmentGrid, Upright, ladder};
use crate::ports::transcoder::{Rendition, TranscodeEvent, TranscodeReport};

const MASTER: &str = "master.m3u8";
/// Largest short side of the poster: it is fetched before the first segment, so it stays small.
const POSTER_SHORT_SIDE_MAX: u32 = 720;
/// Progress is told in steps of this size, and stays below 1 until everything is written.
const PROGRESS_STEP: f64 = 0.01;

/// Transcodes `input` into `output` and tells `listener` what happens.
pub fn transcode(
    input: &Path,
    output: &Path,
    settings: &Settings,
    listener: Listener,
) -> Result<TranscodeReport, Fault> {
    ff::init()?;
    ff::log::set_level(ff::log::Level::Fatal);
    ffi_ext::note_logged_errors();
    let output = Arc::new(OutputDir::create(output, listener)?);
    let source = Source::open(input, settings)?;
    let size = upright(&source.picture);
    output.tell(&TranscodeEvent::Probed {
        duration_ms: (source.seconds * 1000.0).round() as u64,
        width: size.width.round() as u32,
        height: size.height.round() as u32,
    })?;
    if source.seconds < settings.seconds_min() {
        let detail = format!("{:.3} s", source.seconds);
        return Err(Fault::rejected(MediaFailure::TooShort, detail));
    }
    let grid = SegmentGrid::new(source.picture.rate);
    let sound = Sound::open(&source, &output, grid, settings.seconds_max())?;
    let mut pictures = Pictures::new(&source, grid, settings, Arc::clone(&output))?;
    let sound = read(source, &mut pictures, sound)?;
    let summary = pictures.finish(input)?;
    let sound = match sound {
        Some(sound) => sound.finish(summary.seconds)?,
        None => None,
    };
    publish(&output, &summary, sound.as_ref())
}

fn upright(picture: &PictureTrack) -> Upright {
    Upright::new(picture.size, picture.aspect, picture.orientation)
}

/// Reads the source to its end. Gives the sound back, which ends only when the picture has.
fn read(
    mut source: Source,
    pictures: &mut Pictures<'_>,
    mut sound: Option<Sound>,
) -> Result<Option<Sound>, Fault> {
    let mut packet = ff::Packet::empty();
    while source::next_packet(&mut source.input, &mut packet) {
        if packet.stream() == source.picture.index {
            pictures.packet(&packet)?;
        } else if let Some(sound) = &mut sound
            && Some(packet.stream()) == source.sound
        {
            sound.packet(&packet, pictures.pacer.seconds())?;
        }
    }
    Ok(sound)
}

/// The picture's way from packets to rendition threads.
struct Pictures<'a> {
    settings: &'a Settings,
    output: Arc<OutputDir>,
    track: PictureTrack,
    start_us: i64,
    seconds_expected: f64,
    grid: SegmentGrid,
    decoder: ff::decoder::Video,
    pacer: Pacer,
    previous: Option<frame::Video>,
    /// End of the last picture's packet in seconds.
    packets_end: f64,
    /// Frames pushed into scalers.
    pushed: u64,
    rungs: Vec<Rung>,
    threads: Vec<RenditionThread>,
    scaler: Option<Scaler>,
    decoded: u64,
    /// Whether anything said that the picture is damaged; how much of it is, [`Damage`] counts.
    suspect: bool,
    progress: f64,
}

/// What the picture came to.
struct Summary {
    rungs: Vec<Rung>,
    tracks: Vec<Track>,
    grid: SegmentGrid,
    seconds: f64,
    truncated: bool,
}

impl<'a> Pictures<'a> {
    fn new(
        source: &Source,
        grid: SegmentGrid,
        settings: &'a Settings,
        output: Arc<OutputDir>,
    ) -> Result<Self, Fault> {
        let track = source.picture;
        let decoder = source::open_decoder(&source.input, &track, settings.codec_threads())?;
        ffi_ext::forget_logged_errors(); // Those of probing may be those of a late start.
        Ok(Self {
            settings,
            output,
            track,
            start_us: source.start_us,
            seconds_expected: source.seconds,
            grid,
            decoder,
            pacer: Pacer::new(grid.rate, settings.seconds_max()),
            previous: None,
            packets_end: 0.0,
            pushed: 0,
            rungs: Vec::new(),
            threads: Vec::new(),
            scaler: None,
            decoded: 0,
            suspect: false,
            progress: 0.0,
        })
    }

    fn packet(&mut self, packet: &ff::Packet) -> Result<(), Fault> {
        if self.decoded == 0
            && packet
                .side_data()
                .any(|data| data.kind() == codec::packet::side_data::Type::EncryptionInfo)
        {
            return Err(Fault::rejected(MediaFailure::Encrypted, "encrypted packets"));
        }
        if let Some(timestamp) = packet.pts().or(packet.dts()) {
            let end = self.track.seconds(timestamp + packet.duration().max(0), self.start_us);
            self.packets_end = self.packets_end.max(end);
        }
        if self.decoder.send_packet(packet).is_err() {
            self.suspect = true; // The decoder resumes at the next key frame.
        }
        self.receive()
    }

    fn receive(&mut self) -> Result<(), Fault> {
        let mut picture = frame::Video::empty();
        loop {
            match source::receive(&mut self.decoder, &mut picture) {
                Received::Picture => {}
                Received::Damage => {
                    self.suspect = true;
                    continue;
                }
                Received::Nothing => return Ok(()),
            }
            self.decoded += 1;
            self.suspect |= picture.is_corrupt() || picture.has_decode_errors();
            if self.decoded == 1 && picture.is_corrupt() && !picture.is_key() {
                continue; // A stream that was cut before its first key frame starts in grey.
            }
            self.place(std::mem::replace(&mut picture, frame::Video::empty()))?;
        }
    }

    fn place(&mut self, picture: frame::Video) -> Result<(), Fault> {
        let seconds =
            picture.timestamp().map(|timestamp| self.track.seconds(timestamp, self.start_us));
        let placement = self.pacer.place(seconds).map_err(|_| {
            Fault::rejected(MediaFailure::TooLong, format!("a picture at {seconds:?} s"))
        })?;
        let previous = self.previous.take();
        for _ in 0..placement.fill {
            self.show(previous.as_ref().unwrap_or(&picture))?;
        }
        if placement.shown {
            self.show(&picture)?;
        }
        self.previous = Some(picture);
        self.report_progress()
    }

    /// Shows a picture for one frame of the grid.
    fn show(&mut self, picture: &frame::Video) -> Result<(), Fault> {
        let format = PictureFormat::of(picture);
        if !self.scaler.as_ref().is_some_and(|scaler| scaler.fits(&format)) {
            if self.rungs.is_empty() {
                self.start(picture)?;
            }
            self.flush_scaler()?;
            let threads = self.settings.codec_threads();
            let geometry = self.geometry();
            let scaler = Scaler::new(format, &geometry, &self.rungs, self.grid.rate, threads)?;
            self.scaler = Some(scaler);
        }
        let mut frame = ffi_ext::share(picture)?;
        frame.set_pts(Some(self.pushed as i64));
        frame.set_kind(picture::Type::None); // The source's key frames mean nothing to encoders.
        self.pushed += 1;
        if let Some(scaler) = &mut self.scaler {
            scaler.push(&frame)?;
        }
        self.hand_out()
    }

    fn geometry(&self) -> Geometry {
        Geometry {
            aspect: self.track.aspect,
            orientation: self.track.orientation,
            interlaced: self.track.interlaced,
        }
    }

    /// Corrects what the container said by the first picture, then opens the encoders.
    fn start(&mut self, first: &frame::Video) -> Result<(), Fault> {
        let (width, height) = self.track.size;
        // A stream that begins small and grows keeps the container's size.
        if first.width() > width || first.height() > height || first.width() * 10 > width * 9 {
            self.track.size = (first.width(), first.height());
        }
        self.track.interlaced |= first.is_interlaced();
        if self.track.orientation == Orientation::default()
            && let Some(data) = first.side_data(side_data::Type::DisplayMatrix)
            && let Some(matrix) = source::display_matrix(data.data())
        {
            self.track.orientation = Orientation::from_display_matrix(&matrix);
        }
        self.rungs = ladder(upright(&self.track));
        let poster_rung =
            self.rungs.iter().position(|rung| rung.short_side() <= POSTER_SHORT_SIDE_MAX);
        for (index, &rung) in self.rungs.iter().enumerate() {
            let stills = (index == poster_rung.unwrap_or(0))
                .then(|| Stills::new(rung, self.grid.rate, self.seconds_expected));
            let thread =
                RenditionThread::start(&self.output, rung, self.grid, self.settings, stills)?;
            self.threads.push(thread);
        }
        Ok(())
    }

    fn hand_out(&mut self) -> Result<(), Fault> {
        let Some(scaler) = &mut self.scaler else { return Ok(()) };
        for index in 0..self.threads.len() {
            while let Some(picture) = scaler.pull(index)? {
                if !self.threads[index].send(picture) {
                    self.threads.remove(index).close().finish()?;
                    return Err(Fault::internal("encoder thread", "it ended early"));
                }
            }
        }
        Ok(())
    }

    fn flush_scaler(&mut self) -> Result<(), Fault> {
        if let Some(scaler) = &mut self.scaler {
            scaler.finish()?;
        }
        self.hand_out()
    }

    fn report_progress(&mut self) -> Result<(), Fault> {
        let share = self.pacer.seconds() / self.seconds_expected.max(PROGRESS_STEP);
        let share = share.min(1.0 - PROGRESS_STEP);
        if share >= self.progress + PROGRESS_STEP {
            self.progress = (share * 1000.0).floor() / 1000.0;
            self.output.tell(&TranscodeEvent::Progress(self.progress))?;
        }
        Ok(())
    }

    /// Ends the work on `input`, from which all packets were read.
    fn finish(mut self, input: &Path) -> Result<Summary, Fault> {
        // An error here means "already ended": what was decoded stays.
        let _ = self.decoder.send_eof();
        self.receive()?;
        let Some(last) = self.previous.take().filter(|_| self.pushed > 0) else {
            let detail = format!("{} pictures", self.decoded);
            return Err(Fault::rejected(MediaFailure::Undecodable, detail));
        };
        if self.suspect || ffi_ext::errors_were_logged() {
            Damage::count(input, &self.track)?.judge()?;
        }
        for _ in 0..self.pacer.hold(self.packets_end) {
            self.show(&last)?;
        }
        let seconds = self.pacer.seconds();
        if seconds < self.settings.seconds_min() {
            return Err(Fault::rejected(MediaFailure::TooShort, format!("{seconds:.3} s")));
        }
        self.flush_scaler()?;
        // All are closed before one is waited for: they end side by side, the smallest first.
        let closing: Vec<_> = self.threads.into_iter().map(RenditionThread::close).collect();
        let tracks =
            closing.into_iter().map(ClosingThread::finish).collect::<Result<Vec<_>, _>>()?;
        // Half a second of slack: short clips often claim a little more than they have.
        let truncated = seconds < self.seconds_expected * 0.9 - 0.5;
        Ok(Summary { rungs: self.rungs, tracks, grid: self.grid, seconds, truncated })
    }
}

/// Writes the master playlist, last of all files, and sums up.
fn publish(
    output: &OutputDir,
    summary: &Summary,
    sound: Option<&Track>,
) -> Result<TranscodeReport, Fault> {
    let (sound_peak, sound_mean) =
        sound.map_or((0.0, 0.0), |track| playlist::bit_rates(&track.segments));
    let rendition = |(rung, track): (&Rung, &Track)| {
        let (peak, mean) = playlist::bit_rates(&track.segments);
        let codecs = sound.map_or_else(
            || track.codec.clone(),
            |sound| format!("{},{}", track.codec, sound.codec),
        );
        Rendition {
            name: track.name.clone(),
            width: rung.width,
            height: rung.height,
            bandwidth: (peak + sound_peak).ceil() as u64,
            average_bandwidth: (mean + sound_mean).ceil() as u64,
            codecs,
        }
    };
    let renditions: Vec<Rendition> =
        summary.rungs.iter().zip(&summary.tracks).map(rendition).collect();
    let fps = summary.grid.rate.per_second();
    let master = playlist::master(&renditions, fps, sound.is_some());
    output.write(MASTER, master.as_bytes())?;
    output.tell(&TranscodeEvent::Progress(1.0))?;
    Ok(TranscodeReport {
        duration_ms: (summary.seconds * 1000.0).round() as u64,
        width: summary.rungs[0].width,
        height: summary.rungs[0].height,
        fps,
        renditions,
        has_audio: sound.is_some(),
        truncated: summary.truncated,
        master: PathBuf::from(MASTER),
        poster: PathBuf::from(POSTER),
        storyboard: PathBuf::from(STORYBOARD),
        files: output.files(),
    })
}
