//! Reliability curves as SVG: what came over what was predicted, one square a task.

use std::fmt::Write as _;

use super::probability::Quality;

const SIDE: f64 = 240.0;
const MARGIN: f64 = 40.0;

/// One picture with a square per task. A point on the diagonal is an honest prediction.
pub fn reliability(tasks: &[(&str, &Quality)]) -> String {
    let width = MARGIN + tasks.len() as f64 * (SIDE + MARGIN);
    let height = SIDE + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (at, (task, quality)) in tasks.iter().enumerate() {
        square(&mut svg, MARGIN + at as f64 * (SIDE + MARGIN), task, quality);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Axes end at the largest value, so that rare labels can be seen too.
fn square(svg: &mut String, left: f64, task: &str, quality: &Quality) {
    let bins = || quality.reliability.iter().filter(|bin| bin.rows > 0);
    let most = bins().fold(1e-6_f64, |most, bin| most.max(bin.predicted).max(bin.came)) * 1.05;
    let x = |value: f64| left + value / most * SIDE;
    let y = |value: f64| MARGIN + SIDE - value / most * SIDE;
    let bottom = MARGIN + SIDE;
    let title: String = task.chars().filter(|c| !"<>&\"".contains(*c)).collect();
    let ends = (left, MARGIN, left + SIDE, bottom);
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<rect x=\"{}\" y=\"{}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#888\"/>\n\
         <line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#bbb\" stroke-dasharray=\"4 4\"/>\n\
         <text x=\"{}\" y=\"{}\">{title}: predicted over come {:.3}</text>\n\
         <text x=\"{}\" y=\"{}\">0</text><text x=\"{}\" y=\"{}\">{most:.3} predicted</text>\n",
        ends.0,
        ends.1,
        ends.0,
        ends.3,
        ends.2,
        ends.1,
        left,
        MARGIN - 8.0,
        quality.calibration,
        left,
        bottom + 14.0,
        left + SIDE - 80.0,
        bottom + 14.0,
    );
    let points: Vec<String> =
        bins().map(|bin| format!("{:.1},{:.1}", x(bin.predicted), y(bin.came))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\"/>",
        points.join(" ")
    );
    for bin in bins() {
        let _ = writeln!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"#1f6feb\"/>",
            x(bin.predicted),
            y(bin.came)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::probability::{Judged, judge};

    #[test]
    fn a_square_has_a_point_a_bin() {
        let rows: Vec<Judged> = (0..100_u32)
            .map(|at| Judged { user: at, p: at as f32 / 100.0, label: at.is_multiple_of(3) })
            .collect();
        let quality = judge(&rows, 1);
        let svg = reliability(&[("like<", &quality), ("click", &quality)]);
        assert_eq!(svg.matches("<circle").count(), 20);
        assert!(svg.contains("like:") && !svg.contains("NaN"), "{svg}");
    }
}
