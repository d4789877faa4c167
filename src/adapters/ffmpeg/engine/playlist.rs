//! HLS playlists as text (RFC 8216, protocol version 7 for fragmented MP4).

use std::fmt::Write as _;

use crate::adapters::ffmpeg::engine::package::Segment;
use crate::domain::rendition::SEGMENT_SECONDS;
use crate::ports::transcoder::Rendition;

/// The directory of the sound track.
pub const SOUND_DIRECTORY: &str = "audio";

/// The media playlist of one track.
pub fn media(segments: &[Segment]) -> String {
    let longest = segments.iter().map(|segment| segment.seconds.round()).fold(1.0, f64::max);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{longest}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"init.mp4\"\n"
    );
    for (index, segment) in segments.iter().enumerate() {
        let _ = writeln!(text, "#EXTINF:{:.6},\n{index:05}.m4s", segment.seconds);
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The master playlist. Players start with the variant listed first: that is the second smallest,
/// which starts fast and does not look poor.
pub fn master(renditions: &[Rendition], fps: f64, has_sound: bool) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    if has_sound {
        let _ = writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"Original\",LANGUAGE=\"und\",\
             DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"{SOUND_DIRECTORY}/index.m3u8\""
        );
    }
    let audio = if has_sound { ",AUDIO=\"aac\"" } else { "" };
    let start = renditions.len().saturating_sub(2);
    let others = (0..renditions.len()).filter(|&index| index != start);
    for rendition in std::iter::once(start).chain(others).map(|index| &renditions[index]) {
        let Rendition { name, width, height, bandwidth, average_bandwidth, codecs } = rendition;
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH={average_bandwidth},\
             CODECS=\"{codecs}\",RESOLUTION={width}x{height},FRAME-RATE={fps:.3},VIDEO-RANGE=SDR,\
             CLOSED-CAPTIONS=NONE{audio}\n{name}/index.m3u8"
        );
    }
    text
}

/// Peak and mean bit rate of a track in bits per second. The peak is the highest rate of any run of
/// segments that lasts 0.5 to 1.5 target durations (RFC 8216, section 4.1).
pub fn bit_rates(segments: &[Segment]) -> (f64, f64) {
    let rate = |run: &[Segment]| {
        let seconds: f64 = run.iter().map(|segment| segment.seconds).sum();
        let bytes: u64 = run.iter().map(|segment| segment.bytes).sum();
        (seconds, if seconds > 0.0 { bytes as f64 * 8.0 / seconds } else { 0.0 })
    };
    let (_, mean) = rate(segments);
    let mut peak = mean;
    for first in 0..segments.len() {
        for last in first..segments.len() {
            let (seconds, bits) = rate(&segments[first..=last]);
            if seconds > 1.5 * SEGMENT_SECONDS + 1e-6 {
                break;
            }
            if seconds >= 0.5 * SEGMENT_SECONDS - 1e-6 {
                peak = peak.max(bits);
            }
        }
    }
    (peak, mean)
}

#[cfg(test)]
mod tests {
    use super::{bit_rates, master, media};
    use crate::adapters::ffmpeg::engine::package::Segment;
    use crate::ports::transcoder::Rendition;

    fn segment(seconds: f64, bytes: u64) -> Segment {
        Segment { seconds, bytes }
    }

    #[test]
    fn a_media_playlist_lists_every_segment() {
        insta::assert_snapshot!(media(&[segment(2.0, 1), segment(0.5, 1)]), @r#"
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-TARGETDURATION:2
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="init.mp4"
        #EXTINF:2.000000,
        00000.m4s
        #EXTINF:0.500000,
        00001.m4s
        #EXT-X-ENDLIST
        "#);
    }

    #[test]
    fn a_master_playlist_starts_with_the_second_smallest() {
        let rendition = |name: &str, width, height, bandwidth| Rendition {
            name: name.to_owned(),
            width,
            height,
            bandwidth,
            average_bandwidth: bandwidth / 2,
            codecs: "avc1.64001f,mp4a.40.2".to_owned(),
        };
        let renditions = [
            rendition("v720", 720, 1280, 3000),
            rendition("v540", 540, 960, 2000),
            rendition("v360", 360, 640, 1000),
        ];
        insta::assert_snapshot!(master(&renditions, 30_000.0 / 1_001.0, true), @r#"
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="Original",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=540x960,FRAME-RATE=29.970,VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE,AUDIO="aac"
        v540/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=3000,AVERAGE-BANDWIDTH=1500,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=720x1280,FRAME-RATE=29.970,VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE,AUDIO="aac"
        v720/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=500,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=360x640,FRAME-RATE=29.970,VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE,AUDIO="aac"
        v360/index.m3u8
        "#);
        assert!(!master(&renditions[..1], 30.0, false).contains("AUDIO"));
    }

    #[test]
    fn the_peak_ignores_slivers_but_not_short_runs() {
        let (peak, mean) = bit_rates(&[segment(2.0, 250_000), segment(2.0, 500_000)]);
        assert!((peak - 2e6).abs() < 1.0 && (mean - 1.5e6).abs() < 1.0);
        let (peak, _) = bit_rates(&[segment(2.0, 250_000), segment(0.1, 100_000)]);
        assert!((peak - 350_000.0 * 8.0 / 2.1).abs() < 1.0, "only together with its neighbour");
        let (peak, mean) = bit_rates(&[segment(0.5, 62_500)]);
        assert!((peak - 1e6).abs() < 1.0 && (mean - 1e6).abs() < 1.0, "shorter than any window");
    }
}
