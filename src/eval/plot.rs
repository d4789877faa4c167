//! Line charts as SVG, for reports that open in any browser.

/// One line of a chart.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// The points, by ascending x.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 56.0;
/// Marks along an axis.
const MARKS: usize = 5;
/// Colours that people with any kind of sight tell apart (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// A chart of lines; points that are not finite are left out.
pub fn lines(title: &str, x_name: &str, y_name: &str, series: &[Series]) -> String {
    let points = || {
        let all = series.iter().flat_map(|series| &series.points);
        all.copied().filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    let (x_from, x_to) = span(points().map(|(x, _)| x));
    let (y_from, y_to) = span(points().map(|(_, y)| y).chain([0.0]));
    let x_at = |x: f64| LEFT + (x - x_from) / (x_to - x_from) * (WIDTH - LEFT - RIGHT);
    let y_at = |y: f64| HEIGHT - BOTTOM - (y - y_from) / (y_to - y_from) * (HEIGHT - TOP - BOTTOM);
    let mut parts = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>{0}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"16\">{0}</text>\n",
        escape(title)
    )];
    for mark in 0..=MARKS {
        let share = mark as f64 / MARKS as f64;
        let (x, y) = (x_from + (x_to - x_from) * share, y_from + (y_to - y_from) * share);
        parts.push(format!(
            "<path d=\"M{LEFT} {0:.1}H{1}\" stroke=\"#ddd\"/>\
             <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>\
             <text x=\"{5:.1}\" y=\"{6}\" text-anchor=\"middle\">{7}</text>\n",
            y_at(y),
            WIDTH - RIGHT,
            LEFT - 6.0,
            y_at(y) + 4.0,
            short(y),
            x_at(x),
            HEIGHT - BOTTOM + 18.0,
            short(x),
        ));
    }
    for (number, series) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<String> = series
            .points
            .iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y)))
            .collect();
        parts.push(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\" text-anchor=\"end\">{}</text>\n",
            path.join(" "),
            WIDTH - RIGHT,
            TOP + 4.0 + number as f64 * 16.0,
            escape(&series.name),
        ));
    }
    parts.push(format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text x=\"14\" y=\"{}\" transform=\"rotate(-90 14 {3})\" text-anchor=\"middle\">{}</text>\n</svg>\n",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 14.0,
        escape(x_name),
        (TOP + HEIGHT - BOTTOM) / 2.0,
        escape(y_name),
    ));
    parts.concat()
}

/// The least and the greatest, a little apart if they are one.
fn span(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (from, to) =
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), n| (from.min(n), to.max(n)));
    match (from.is_finite(), to - from > 1e-12) {
        (false, _) => (0.0, 1.0),
        (true, false) => (from, from + 1.0),
        (true, true) => (from, to),
    }
}

fn short(number: f64) -> String {
    let size = number.abs();
    if size >= 1_000.0 {
        format!("{number:.0}")
    } else if size >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.3}")
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_every_finite_point_inside_its_frame() {
        let points = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)];
        let svg = lines("a < b", "x", "y", &[Series { name: "one".into(), points }]);
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"), "{svg}");
        let path = svg.split("polyline points=\"").nth(1).and_then(|rest| rest.split('"').next());
        let path: Vec<&str> = path.unwrap().split(' ').collect();
        assert_eq!(path.len(), 2, "{path:?}");
        for point in path {
            let (x, y) = point.split_once(',').unwrap();
            assert!((LEFT..=WIDTH - RIGHT).contains(&x.parse().unwrap()));
            assert!((TOP..=HEIGHT - BOTTOM).contains(&y.parse().unwrap()));
        }
    }

    #[test]
    fn nothing_to_show_is_still_a_chart() {
        assert!(lines("", "", "", &[]).contains("</svg>"));
    }
}
