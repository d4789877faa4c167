//! One filter graph: a decoded picture in, the same picture upright, in SDR and in every size out.

use std::fmt::Write as _;

use ffmpeg_next as ff;
use ffmpeg_next::color::{Primaries, Range, Space, TransferCharacteristic as Transfer};
use ffmpeg_next::filter;
use ffmpeg_next::format;
use ffmpeg_next::frame;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::rendition::{FrameRate, Orientation, Rung, Upright};

/// Shapes that differ by less are stretched, not framed: rounding to even sides reaches 1 %.
const SHAPE_TOLERANCE: f64 = 0.03;

/// How decoded pictures become upright ones of square pixels.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Sample aspect ratio.
    pub aspect: (i32, i32),
    /// How to turn the picture.
    pub orientation: Orientation,
    /// Whether fields must be merged.
    pub interlaced: bool,
}

/// What of a picture decides the graph. Colour is read from the decoded frame: containers are wrong
/// about it more often than bitstreams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureFormat {
    size: (u32, u32),
    pixel: format::Pixel,
    space: Space,
    primaries: Primaries,
    transfer: Transfer,
    range: Range,
}

impl PictureFormat {
    /// The format of a decoded picture.
    pub fn of(frame: &frame::Video) -> Self {
        Self {
            size: (frame.width(), frame.height()),
            pixel: frame.format(),
            space: frame.color_space(),
            primaries: frame.color_primaries(),
            transfer: frame.color_transfer_characteristic(),
            range: frame.color_range(),
        }
    }

    fn is_hdr(&self) -> bool {
        matches!(self.transfer, Transfer::SMPTE2084 | Transfer::ARIB_STD_B67)
    }

    fn is_wide_gamut(&self) -> bool {
        matches!(self.primaries, Primaries::BT2020 | Primaries::SMPTE431 | Primaries::SMPTE432)
    }

    /// The matrix in words of `scale`; without one, sizes tell HD (BT.709) from SD (BT.601).
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "FFmpeg's list of colour properties grows with its headers"
    )]
    fn matrix(&self) -> &'static str {
        let (width, height) = self.size;
        let is_hd = width.max(height) >= 1280 || width.min(height) > 576;
        match self.space {
            Space::BT709 => "bt709",
            Space::BT470BG | Space::SMPTE170M => "bt601",
            Space::BT2020NCL | Space::BT2020CL => "bt2020",
            Space::SMPTE240M => "smpte240m",
            Space::FCC => "fcc",
            _ if is_hd => "bt709",
            _ => "bt601",
        }
    }

    /// Filters that scale an upright picture to `width` x `height` and end in BT.709, limited
    /// range, 8 bits.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "FFmpeg's list of colour properties grows with its headers"
    )]
    fn conversion(
        &self,
        orientation: Orientation,
        (width, height): (u32, u32),
        framing: &str,
    ) -> String {
        let turned = if orientation.swaps_sides() { (self.size.1, self.size.0) } else { self.size };
        let full = self.range == Range::JPEG;
        let range = if full { "pc" } else { "tv" };
        let (hdr, wide) = (self.is_hdr(), self.is_wide_gamut());
        if !hdr && !wide {
            let is_final =
                self.pixel == format::Pixel::YUV420P && !full && self.matrix() == "bt709";
            if is_final && turned == (width, height) && framing.is_empty() {
                return "setsar=1".to_owned(); // `scale` would copy each picture.
            }
            return format!(
                "scale={width}:{height}:flags=bicubic:in_color_matrix={}:out_color_matrix=bt709:\
                 in_range={range}:out_range=tv{framing},setsar=1,format=yuv420p",
                self.matrix()
            );
        }
        let transfer = match self.transfer {
            Transfer::SMPTE2084 => "smpte2084",
            Transfer::ARIB_STD_B67 => "arib-std-b67",
            _ => "bt709",
        };
        let primaries = match self.primaries {
            Primaries::SMPTE431 => "smpte431",
            Primaries::SMPTE432 => "smpte432",
            Primaries::BT2020 => "2020",
            _ if hdr => "2020",
            _ => "709",
        };
        let is_2020 = hdr || matches!(self.space, Space::BT2020NCL | Space::BT2020CL);
        let matrix = if is_2020 { "2020_ncl" } else { "709" };
        let long_range = if full { "full" } else { "limited" };
        // Scaled first, because light is mapped in 32-bit floats. `npl` and `desat` as tried on
        // phone footage: desat=0 turns bright clouds yellow, npl=1000 is far too dark.
        let tonemap = if hdr { "tonemap=tonemap=hable:desat=2," } else { "" };
        format!(
            "scale={width}:{height}:flags=bicubic:in_range={range}:out_range={range}{framing},\
             setsar=1,format=yuv420p10le|yuv422p10le|yuv444p10le|yuv420p|yuv422p|yuv444p,\
             zscale=tin={transfer}:min={matrix}:pin={primaries}:rin={long_range}:t=linear:npl=100,\
             format=gbrpf32le,zscale=p=709,{tonemap}zscale=t=709:m=709:r=limited,format=yuv420p"
        )
    }
}

/// A configured graph for pictures of one format.
pub struct Scaler {
    graph: filter::Graph,
    format: PictureFormat,
}

impl Scaler {
    /// Builds the graph. `rungs` are the outputs, the largest first: it is made from the source,
    /// the others from it.
    pub fn new(
        format: PictureFormat,
        geometry: &Geometry,
        rungs: &[Rung],
        rate: FrameRate,
        threads: usize,
    ) -> Result<Self, Fault> {
        let mut graph = filter::Graph::new();
        ffi_ext::set_graph_threads(&mut graph, threads);
        let source = format!(
            "video_size={}x{}:pix_fmt={}:time_base={}/{}:frame_rate={}/{}",
            format.size.0,
            format.size.1,
            format.pixel.descriptor().map_or("none", |descriptor| descriptor.name()),
            rate.seconds,
            rate.frames,
            rate.frames,
            rate.seconds
        );
        graph.add(&find("buffer")?, "in", &source)?;
        for index in 0..rungs.len() {
            graph.add(&find("buffersink")?, &sink_name(index), "")?;
        }
        let specification = specification(format, geometry, rungs);
        let mut parser = graph.output("in", 0)?;
        for index in 0..rungs.len() {
            parser = parser.input(&sink_name(index), 0)?;
        }
        let configured = parser.parse(&specification).and_then(|()| graph.validate());
        configured.map_err(|error| Fault::internal(&specification, error))?;
        Ok(Self { graph, format })
    }

    /// Whether pictures of that format fit this graph.
    pub fn fits(&self, format: &PictureFormat) -> bool {
        self.format == *format
    }

    /// Puts one picture in.
    pub fn push(&mut self, frame: &frame::Video) -> Result<(), Fault> {
        let mut node = self.node("in")?;
        Ok(node.source().add(frame)?)
    }

    /// Says that no more pictures come.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let mut node = self.node("in")?;
        Ok(node.source().flush()?)
    }

    /// The next picture of that rung, if one is ready.
    pub fn pull(&mut self, rung: usize) -> Result<Option<frame::Video>, Fault> {
        let mut frame = frame::Video::empty();
        let mut node = self.node(&sink_name(rung))?;
        match node.sink().frame(&mut frame) {
            Ok(()) => Ok(Some(frame)),
            Err(ff::Error::Eof | ff::Error::Other { errno: libc::EAGAIN }) => Ok(None),
            Err(error) => Err(Fault::internal("filter", error)),
        }
    }

    fn node(&mut self, name: &str) -> Result<filter::Context, Fault> {
        self.graph.get(name).ok_or_else(|| Fault::internal("filter graph", "a node is missing"))
    }
}

/// A filter by its name.
pub fn find(name: &str) -> Result<filter::Filter, Fault> {
    filter::find(name)
        .ok_or_else(|| Fault::internal("this FFmpeg", format!("it lacks the filter `{name}`")))
}

fn sink_name(rung: usize) -> String {
    format!("out{rung}")
}

fn specification(format: PictureFormat, geometry: &Geometry, rungs: &[Rung]) -> String {
    let mut chain = String::from("[in]");
    if geometry.interlaced {
        chain.push_str("bwdif=mode=send_frame:deint=interlaced,");
    }
    if geometry.orientation.flipped {
        chain.push_str("vflip,");
    }
    chain.push_str(match geometry.orientation.quarter_turns {
        1 => "transpose=clock,",
        2 => "hflip,vflip,",
        3 => "transpose=cclock,",
        _ => "",
    });
    let top = rungs[0];
    let upright = Upright::new(format.size, geometry.aspect, geometry.orientation);
    let (size, framing) = fit(upright, (top.width, top.height));
    chain.push_str(&format.conversion(geometry.orientation, size, &framing));
    if rungs.len() == 1 {
        return chain + "[out0]";
    }
    // Writing to a String cannot fail.
    let _ = write!(chain, ",split={}[out0]", rungs.len());
    for index in 1..rungs.len() {
        let _ = write!(chain, "[full{index}]");
    }
    for (index, rung) in rungs.iter().enumerate().skip(1) {
        let (width, height) = (rung.width, rung.height);
        let _ = write!(chain, ";[full{index}]scale={width}:{height}:flags=bicubic[out{index}]");
    }
    chain
}

/// The size to scale to, and the filter that frames it if the picture's shape changed on the way: a
/// stream that turns from portrait to landscape is framed in black, never stretched.
fn fit(upright: Upright, (width, height): (u32, u32)) -> ((u32, u32), String) {
    let (box_width, box_height) = (f64::from(width), f64::from(height));
    let shape = (upright.width / upright.height) / (box_width / box_height);
    if (shape - 1.0).abs() <= SHAPE_TOLERANCE {
        return ((width, height), String::new());
    }
    let scale = (box_width / upright.width).min(box_height / upright.height);
    let even = |side: f64, most: u32| (((side * scale / 2.0).round() as u32) * 2).clamp(2, most);
    let size = (even(upright.width, width), even(upright.height, height));
    (size, format!(",pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"))
}
