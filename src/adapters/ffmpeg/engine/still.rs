//! The poster, and the storyboard for scrubbing.

use ffmpeg_next::filter;
use ffmpeg_next::frame;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use serde_json::json;

use crate::adapters::ffmpeg::engine::fault::Fault;
use crate::adapters::ffmpeg::engine::output::OutputDir;
use crate::adapters::ffmpeg::engine::scaler::find;
use crate::adapters::ffmpeg::ffi_ext;
use crate::domain::rendition::{FrameRate, Rung};

/// Path of the poster.
pub const POSTER: &str = "poster.jpg";
/// Path of the storyboard's sheet.
pub const STORYBOARD_SHEET: &str = "storyboard.jpg";
/// Path of the storyboard's description.
pub const STORYBOARD: &str = "storyboard.json";

/// Pictures judged for the poster, per second.
const JUDGED_PER_SECOND: f64 = 4.0;
const COLUMNS: u32 = 5;
const TILES_MAX: u32 = COLUMNS * COLUMNS;
/// Tiles closer than this show the same.
const TILE_SECONDS_MIN: f64 = 0.5;
/// The longer side of a tile in pixels: a thumb's width on a phone.
const TILE_SIDE: f64 = 180.0;
const JPEG_QUALITY: u8 = 82;

/// Watches the pictures of one rendition and keeps what makes the poster and the storyboard.
pub struct Stills {
    fps: f64,
    judge_every: u64,
    tile_every: u64,
    tile_size: (u32, u32),
    best: Option<(f64, frame::Video)>,
    tiles: Vec<RgbImage>,
}

impl Stills {
    /// For a rendition that will last about `seconds`.
    pub fn new(rung: Rung, rate: FrameRate, seconds: f64) -> Self {
        let fps = rate.per_second();
        let tile_seconds = (seconds / f64::from(TILES_MAX)).max(TILE_SECONDS_MIN);
        let scale = TILE_SIDE / f64::from(rung.width.max(rung.height));
        let side = |side: u32| ((f64::from(side) * scale / 2.0).round() as u32 * 2).max(2);
        Self {
            fps,
            judge_every: ((fps / JUDGED_PER_SECOND) as u64).max(1),
            tile_every: (tile_seconds * fps).round().max(1.0) as u64,
            tile_size: (side(rung.width), side(rung.height)),
            best: None,
            tiles: Vec::new(),
        }
    }

    /// Looks at one picture.
    pub fn offer(&mut self, picture: &frame::Video, index: u64) -> Result<(), Fault> {
        if index.is_multiple_of(self.judge_every) {
            let merit = merit(picture, index as f64 / self.fps);
            if self.best.as_ref().is_none_or(|(best, _)| merit > *best) {
                self.best = Some((merit, ffi_ext::share(picture)?));
            }
        }
        if index.is_multiple_of(self.tile_every) && (self.tiles.len() as u32) < TILES_MAX {
            self.tiles.push(to_rgb(picture, self.tile_size)?);
        }
        Ok(())
    }

    /// Writes the poster, the sheet and its description.
    pub fn finish(self, output: &OutputDir) -> Result<(), Fault> {
        let Some((_, best)) = self.best else {
            return Err(Fault::internal("poster", "no picture came"));
        };
        output.write(POSTER, &jpeg(&to_rgb(&best, (best.width(), best.height()))?)?)?;
        let (width, height) = self.tile_size;
        let count = self.tiles.len() as u32;
        let rows = count.div_ceil(COLUMNS);
        let mut sheet = RgbImage::new(width * COLUMNS, height * rows);
        for (index, tile) in (0u32..).zip(&self.tiles) {
            let (x, y) = (index % COLUMNS * width, index / COLUMNS * height);
            image::imageops::replace(&mut sheet, tile, i64::from(x), i64::from(y));
        }
        output.write(STORYBOARD_SHEET, &jpeg(&sheet)?)?;
        let description = json!({
            "image": STORYBOARD_SHEET,
            "tile_width": width,
            "tile_height": height,
            "columns": COLUMNS,
            "rows": rows,
            "count": count,
            "interval_ms": (self.tile_every as f64 / self.fps * 1000.0).round() as u64,
        });
        output.write(STORYBOARD, description.to_string().as_bytes())
    }
}

/// How well a picture would stand for its clip: sharp, neither dark nor burnt out, rather early,
/// but not the first moment, which is often a fade or a shaken phone. Only comparisons mean
/// anything.
fn merit(picture: &frame::Video, seconds: f64) -> f64 {
    let (luma, stride) = (picture.data(0), picture.stride(0));
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (mut edges, mut light, mut count) = (0u64, 0u64, 0u64);
    for y in (1..height.saturating_sub(1)).step_by(2) {
        let [above, row, below] = [y - 1, y, y + 1].map(|line| &luma[line * stride..][..width]);
        for x in (1..width.saturating_sub(1)).step_by(2) {
            let centre = i32::from(row[x]);
            let around = [row[x - 1], row[x + 1], above[x], below[x]].map(i32::from);
            edges += u64::from((4 * centre - around.iter().sum::<i32>()).unsigned_abs());
            light += u64::from(row[x]);
            count += 1;
        }
    }
    let count = count.max(1) as f64;
    let sharpness = (edges as f64 / count).min(30.0); // Beyond that it is noise, not detail.
    let exposure = (1.0 - ((light as f64 / count - 120.0) / 120.0).abs()).clamp(0.02, 1.0);
    let early = if seconds < 0.3 { 0.6 } else { 1.0 / (1.0 + seconds / 20.0) };
    sharpness * exposure * early
}

/// Scales a BT.709 picture and turns it into RGB.
fn to_rgb(picture: &frame::Video, (width, height): (u32, u32)) -> Result<RgbImage, Fault> {
    let mut graph = filter::Graph::new();
    ffi_ext::set_graph_threads(&mut graph, 1);
    let source = format!(
        "video_size={}x{}:pix_fmt=yuv420p:time_base=1/1",
        picture.width(),
        picture.height()
    );
    graph.add(&find("buffer")?, "in", &source)?;
    graph.add(&find("buffersink")?, "out", "")?;
    graph.output("in", 0)?.input("out", 0)?.parse(&format!(
        "[in]scale={width}:{height}:flags=area+accurate_rnd:in_color_matrix=bt709:in_range=tv,\
         format=rgb24[out]"
    ))?;
    graph.validate()?;
    let missing = || Fault::internal("filter graph", "a node is missing");
    let mut single = ffi_ext::share(picture)?;
    single.set_pts(Some(0));
    graph.get("in").ok_or_else(missing)?.source().add(&single)?;
    let mut converted = frame::Video::empty();
    graph.get("out").ok_or_else(missing)?.sink().frame(&mut converted)?;
    let row_bytes = width as usize * 3;
    let mut pixels = Vec::with_capacity(row_bytes * height as usize);
    for row in converted.data(0).chunks(converted.stride(0)).take(height as usize) {
        pixels.extend_from_slice(&row[..row_bytes]);
    }
    RgbImage::from_raw(width, height, pixels)
        .ok_or_else(|| Fault::internal("still", "the filter gave too few pixels"))
}

fn jpeg(image: &RgbImage) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .encode_image(image)
        .map_err(|error| Fault::internal("JPEG", error))?;
    Ok(bytes)
}
