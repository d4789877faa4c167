//! How much of a normal distribution lies above a point.

/// Points of the table in one deviation.
const STEPS: usize = 16;
/// Beyond so many deviations nothing is expected.
const END: usize = 6;

/// The share at each point from 0, nearest below.
static TAILS: [f32; END * STEPS] = tails();

/// e^−x for small x ≥ 0, by its series.
const fn exp_minus(x: f64) -> f64 {
    let (mut sum, mut term, mut at) = (1.0, 1.0, 1);
    while at < 12 {
        term *= -x / at as f64;
        sum += term;
        at += 1;
    }
    sum
}

const fn tails() -> [f32; END * STEPS] {
    // The density from point to point, halfway between them: e^−(z+h)²/2 = e^−z²/2 · e^−(zh + h²/2).
    let h = 1.0 / STEPS as f64;
    let mut density = 0.398_942_280_401_432_7 * exp_minus(h * h / 8.0);
    let mut above = 0.5;
    let mut tails = [0.0; END * STEPS];
    let mut at = 0;
    while at < tails.len() {
        tails[at] = above as f32;
        above -= density * h;
        if above < 0.0 {
            above = 0.0;
        }
        let z = (at as f64 + 0.5) * h;
        density *= exp_minus(z * h + h * h / 2.0);
        at += 1;
    }
    tails
}

/// The share of a normal distribution that lies so many deviations above its mean: all of it where that
/// is below the mean, a cautious round figure, and nothing beyond six deviations.
#[inline]
pub(super) fn tail(deviations: f32) -> f32 {
    // A float becomes an index by cutting: what is below zero, the infinite too, becomes 0.
    let at = (deviations * STEPS as f32) as usize;
    if deviations < 0.0 { 1.0 } else { TAILS.get(at).copied().unwrap_or(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_normal_distribution() {
        let known =
            [(0.0, 0.5), (0.5, 0.308_54), (1.0, 0.158_66), (2.0, 0.022_75), (3.0, 0.001_35)];
        for (deviations, share) in known {
            let own = tail(deviations);
            assert!((own / share - 1.0_f32).abs() < 0.01, "{deviations}: {own}");
        }
        assert!((tail(4.0) / 3.167e-5 - 1.0).abs() < 0.02, "{}", tail(4.0));
        assert!(TAILS.is_sorted_by(|a, b| a > b) && TAILS[END * STEPS - 1] > 0.0);
        let ends = [6.0, 1e30, -1.0, f32::NEG_INFINITY].map(|end| tail(end).to_bits());
        assert_eq!(ends, [0.0_f32, 0.0, 1.0, 1.0].map(f32::to_bits));
    }
}
