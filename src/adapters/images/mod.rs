//! Pictures by the `image` crate.

use std::io::Cursor;

use async_trait::async_trait;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};

use crate::ports::images::{ImageError, Images};

/// Longest side that is decoded: 100 megapixels at most, as phones make them.
const SOURCE_SIDE_MAX_PX: u32 = 12_000;
/// Memory for one decode.
const DECODE_BYTES_MAX: u64 = 512 << 20;
/// Fine to the eye, a third of the size of the finest.
const JPEG_QUALITY: u8 = 85;

/// The `image` crate on the blocking pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImageCrate;

#[async_trait]
impl Images for ImageCrate {
    async fn normalize(&self, bytes: Bytes, side_px_max: u32) -> Result<Bytes, ImageError> {
        tokio::task::spawn_blocking(move || normalize(&bytes, side_px_max))
            .await
            .unwrap_or(Err(ImageError::Unreadable)) // A panic in a decoder is the file's fault.
    }
}

fn normalize(bytes: &[u8], side_px_max: u32) -> Result<Bytes, ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| ImageError::Unreadable)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SOURCE_SIDE_MAX_PX);
    limits.max_image_height = Some(SOURCE_SIDE_MAX_PX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    let refused = |error: image::ImageError| {
        let too_large = matches!(error, image::ImageError::Limits(_));
        if too_large { ImageError::TooLarge(SOURCE_SIDE_MAX_PX) } else { ImageError::Unreadable }
    };
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    if picture.width().max(picture.height()) > side_px_max {
        picture = picture.resize(side_px_max, side_px_max, image::imageops::FilterType::Lanczos3);
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(&on_white(&picture))
        .map_err(|_| ImageError::Unreadable)?;
    Ok(jpeg.into())
}

/// JPEG knows no transparency.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let source = picture.to_rgba8();
    RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [r, g, b, a] = source.get_pixel(x, y).0.map(u32::from);
        let over = |channel: u32| ((channel * a + 255 * (255 - a)) / 255) as u8;
        Rgb([over(r), over(g), over(b)])
    })
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgba, RgbaImage};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbaImage::from_pixel(width, height, Rgba([255, 0, 0, 0]));
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_shrunk_whitened_and_made_a_jpeg() {
        let jpeg = normalize(&png(400, 200), 100).unwrap();
        let back = image::load_from_memory_with_format(&jpeg, ImageFormat::Jpeg).unwrap();
        assert_eq!((back.width(), back.height()), (100, 50));
        let middle = back.to_rgb8().get_pixel(50, 25).0;
        assert!(middle.iter().all(|channel| *channel > 250), "{middle:?}");
        let small = normalize(&png(40, 20), 100).unwrap();
        assert_eq!(image::load_from_memory(&small).unwrap().width(), 40);
    }

    #[test]
    fn bombs_and_other_files_are_refused() {
        assert_eq!(normalize(b"GIF89a", 100), Err(ImageError::Unreadable));
        assert_eq!(normalize(b"<svg/>", 100), Err(ImageError::Unreadable));
        let mut bomb = png(1, 1);
        // The width of the header; decoders check the size before the checksum of the chunk.
        bomb[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
        assert!(normalize(&bomb, 100).is_err());
        assert_eq!(normalize(&png(13_000, 1), 100), Err(ImageError::TooLarge(SOURCE_SIDE_MAX_PX)));
    }
}
