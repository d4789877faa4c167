//! The calls into FFmpeg and libc that have no safe wrapper. All `unsafe` of the crate is here.
#![expect(unsafe_code, reason = "ffmpeg-next and std do not wrap these calls")]

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use ffmpeg_next as ff;
use ffmpeg_next::codec;
use ffmpeg_next::ffi;
use ffmpeg_next::filter;
use ffmpeg_next::format;
use ffmpeg_next::frame;

/// What a container says about a picture track before any decoder is open.
#[derive(Clone, Copy, Debug)]
pub struct PictureParameters {
    /// Coded width and height; zero or negative when unknown.
    pub size: (i32, i32),
    /// Sample aspect ratio; 0 : x when unknown.
    pub aspect: (i32, i32),
    /// Whether the track is marked as interlaced.
    pub interlaced: bool,
}

/// Reads the picture parameters of a stream.
pub fn picture_parameters(stream: &format::stream::Stream<'_>) -> PictureParameters {
    let parameters = stream.parameters();
    // SAFETY: both pointers are non-null and live as long as the input that `stream` borrows; the
    // fields are plain numbers.
    let (stream_aspect, coded) =
        unsafe { ((*stream.as_ptr()).sample_aspect_ratio, &*parameters.as_ptr()) };
    let aspect = if stream_aspect.num > 0 { stream_aspect } else { coded.sample_aspect_ratio };
    PictureParameters {
        size: (coded.width, coded.height),
        aspect: (aspect.num, aspect.den),
        interlaced: coded.field_order as u32 > ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE as u32,
    }
}

/// Samples per second that the container claims for a sound track; zero when unknown.
pub fn sample_rate(stream: &format::stream::Stream<'_>) -> i32 {
    // SAFETY: as in `picture_parameters`.
    unsafe { (*stream.parameters().as_ptr()).sample_rate }
}

/// The earliest timestamp of the file, in microseconds; zero when unknown.
pub fn start_time_us(input: &format::context::Input) -> i64 {
    // SAFETY: `input` owns a valid context; the field is a plain number.
    let start = unsafe { (*input.as_ptr()).start_time };
    if start == ffi::AV_NOPTS_VALUE { 0 } else { start }
}

/// Lets the demuxer drop all packets of streams that `keep` refuses.
pub fn discard_streams(input: &mut format::context::Input, keep: impl Fn(usize) -> bool) {
    for mut stream in input.streams_mut() {
        if !keep(stream.index()) {
            // SAFETY: `stream` borrows `input` mutably, so nothing else touches the field.
            unsafe { (*stream.as_mut_ptr()).discard = ffi::AVDiscard::AVDISCARD_ALL };
        }
    }
}

/// A second reference to the same pixels: `frame::Video::clone` would copy them.
pub fn share(frame: &frame::Video) -> Result<frame::Video, ff::Error> {
    let mut shared = frame::Video::empty();
    // SAFETY: `shared` is a fresh, empty frame and `frame` a valid one, as `av_frame_ref` demands.
    // The buffers are reference counted with atomics.
    match unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr()) } {
        code if code < 0 => Err(ff::Error::from(code)),
        _ => Ok(shared),
    }
}

/// Bounds the threads that a filter graph uses for slices of a picture.
pub fn set_graph_threads(graph: &mut filter::Graph, threads: usize) {
    // SAFETY: the graph is owned and not yet configured; the field is read on configuration.
    unsafe { (*graph.as_mut_ptr()).nb_threads = threads as libc::c_int };
}

/// The codec's global header (parameter sets), empty if there is none.
pub fn extradata(context: &codec::Context) -> &[u8] {
    // SAFETY: FFmpeg keeps `extradata` valid for `extradata_size` bytes while the context lives and
    // does not change it after the encoder was opened; the slice borrows the context.
    unsafe {
        let context = &*context.as_ptr();
        if context.extradata.is_null() || context.extradata_size <= 0 {
            return &[];
        }
        std::slice::from_raw_parts(context.extradata, context.extradata_size as usize)
    }
}

/// Names the sample entry of an output's first stream, such as `avc1`.
pub fn set_codec_tag(output: &mut format::context::Output, tag: [u8; 4]) {
    if let Some(mut stream) = output.stream_mut(0) {
        // SAFETY: the stream is borrowed mutably and its parameters live as long as it does.
        unsafe { (*(*stream.as_mut_ptr()).codecpar).codec_tag = u32::from_le_bytes(tag) };
    }
}

/// Makes the muxer write out what it has gathered, as one fragment.
pub fn flush_fragment(output: &mut format::context::Output) -> Result<(), ff::Error> {
    // SAFETY: the context is owned, its header is written, and a null packet means "flush". `pb` is
    // the custom stream that `output` keeps alive.
    let code = unsafe {
        let code = ffi::av_write_frame(output.as_mut_ptr(), std::ptr::null_mut());
        ffi::avio_flush((*output.as_mut_ptr()).pb);
        code
    };
    if code < 0 { Err(ff::Error::from(code)) } else { Ok(()) }
}

/// Bounds any single allocation of FFmpeg, in this process.
pub fn limit_allocation(bytes: usize) {
    // SAFETY: sets one global number; called before any other FFmpeg call.
    unsafe { ffi::av_max_alloc(bytes) };
}

/// A log callback of FFmpeg. Whatever a platform's `va_list` is, C passes it like a pointer.
type LogCallback = unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);

static ERROR_LOGGED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn note(
    class: *mut c_void,
    level: c_int,
    format: *const c_char,
    args: *mut c_void,
) {
    if (level & 0xff) <= ffi::AV_LOG_ERROR {
        ERROR_LOGGED.store(true, Ordering::Relaxed);
    }
    // SAFETY: FFmpeg's own callback gets exactly what FFmpeg gave to this one, at the same ABI.
    unsafe {
        let default = ffi::av_log_default_callback as *const ();
        std::mem::transmute::<*const (), LogCallback>(default)(class, level, format, args);
    }
}

/// From here on, errors that FFmpeg logs in this process are noted, whether or not the log's level
/// shows them. Decoders with threads log every damaged picture, but do not mark every one.
#[expect(clippy::missing_transmute_annotations, reason = "`va_list` differs between platforms")]
pub fn note_logged_errors() {
    // SAFETY: the two types differ only in how they spell `va_list`; see `LogCallback`. The callback
    // is thread-safe, as FFmpeg demands.
    unsafe { ffi::av_log_set_callback(std::mem::transmute(Some(note as LogCallback))) };
}

/// Forgets the errors so far.
pub fn forget_logged_errors() {
    ERROR_LOGGED.store(false, Ordering::Relaxed);
}

/// Whether FFmpeg logged an error since they were forgotten.
pub fn errors_were_logged() -> bool {
    ERROR_LOGGED.load(Ordering::Relaxed)
}

/// What a process may use at most.
#[derive(Clone, Copy, Debug)]
pub struct ProcessLimits {
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// Processor time in seconds, over all threads.
    pub cpu_seconds: u64,
    /// Length of one written file in bytes.
    pub file_bytes: u64,
    /// Open files.
    pub files: u64,
}

/// Bounds this process, for good: the hard limits fall too. No core is dumped, and no new privilege
/// can be gained.
pub fn limit_process(limits: ProcessLimits) -> io::Result<()> {
    let resources = [
        (libc::RLIMIT_AS, limits.memory_bytes),
        (libc::RLIMIT_CPU, limits.cpu_seconds),
        (libc::RLIMIT_FSIZE, limits.file_bytes),
        (libc::RLIMIT_NOFILE, limits.files),
        (libc::RLIMIT_CORE, 0),
    ];
    for (resource, value) in resources {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a valid place for the answer.
        if unsafe { libc::getrlimit(resource, &raw mut limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let value = value.min(limit.rlim_max); // A stricter limit of the operator stays.
        limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: `limit` is valid and only read.
        if unsafe { libc::setrlimit(resource, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    #[cfg(target_os = "linux")]
    // SAFETY: takes plain numbers and changes only this process.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    #[cfg(target_os = "linux")]
    // A server that is killed takes its transcodes with it: nobody would collect them.
    // SAFETY: takes plain numbers and changes only this process.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
