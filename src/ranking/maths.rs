//! The few functions that chance needs, from additions and multiplications alone.
//!
//! Those of the standard library ask the C library, whose last bits differ between systems and releases:
//! a draw could then fall the other way elsewhere, while a slate must be recomputable anywhere.

/// The natural logarithm of a positive, normal number, right to the last bit or two.
#[inline]
pub(super) fn ln(x: f32) -> f32 {
    // x = m · 2^e with m in √½..√2, and ln m = 2 artanh((m − 1) / (m + 1)).
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (bits as i32) >> 23;
    let m = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3);
    let t = (m - 1.0) / (m + 1.0);
    let square = t * t;
    let series = 1.0 / 5.0 + square * (1.0 / 7.0 + square * (1.0 / 9.0));
    let series = 1.0 + square * (1.0 / 3.0 + square * series);
    exponent as f32 * std::f32::consts::LN_2 + 2.0 * t * series
}

/// Two to the power of `x`, for `x` of at most 0; below −126 it is zero.
pub(super) fn exp2(x: f32) -> f32 {
    let x = x.clamp(-127.0, 0.0);
    let whole = x.floor();
    // 2^f for f in 0..1 by the series of e^(f ln 2) about the middle.
    let f = (x - whole - 0.5) * std::f32::consts::LN_2;
    let series = 1.0 / 24.0 + f * (1.0 / 120.0 + f * (1.0 / 720.0));
    let series = 1.0 + f * (1.0 + f * (0.5 + f * (1.0 / 6.0 + f * series)));
    let scale = f32::from_bits(((whole as i32 + 127) as u32) << 23);
    series * std::f32::consts::SQRT_2 * scale
}

/// Sine and cosine of `turn` whole turns, `turn` in 0..1.
#[inline]
pub(super) fn sin_cos(turn: f32) -> (f32, f32) {
    /// Numbers of this size have no digits behind the point: adding it rounds, and leaves the whole
    /// number in the last bits.
    const ROUND: f32 = 12_582_912.0;
    // The nearest quarter: what is left lies within an eighth, where the series are short.
    let shifted = turn * 4.0 + ROUND;
    let quarter = shifted.to_bits();
    let angle = (turn - (shifted - ROUND) * 0.25) * std::f32::consts::TAU;
    let square = angle * angle;
    let sin = 1.0 / 120.0 + square * (-1.0 / 5_040.0 + square * (1.0 / 362_880.0));
    let sin = angle * (1.0 + square * (-1.0 / 6.0 + square * sin));
    let cos = -1.0 / 720.0 + square * (1.0 / 40_320.0);
    let cos = 1.0 + square * (-0.5 + square * (1.0 / 24.0 + square * cos));
    // Odd quarters swap both; the signs follow from the quarter's bits. No branches: several at once.
    let (first, second) = if quarter & 1 == 0 { (sin, cos) } else { (cos, sin) };
    let sign = |flip: u32, value: f32| f32::from_bits(value.to_bits() ^ ((flip & 2) << 30));
    (sign(quarter, first), sign(quarter.wrapping_add(1), second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right() {
        for step in 1..20_000_u16 {
            for x in [f32::from(step) / 20_000.0, f32::from(step) * 1e3, f32::from(step) * 1e-30] {
                let exact = f64::from(x).ln();
                let off = (f64::from(ln(x)) - exact).abs();
                assert!(off <= 3e-7 * exact.abs().max(0.1), "ln {x}: {} for {exact}", ln(x));
            }
        }
        assert_eq!(ln(1.0).to_bits(), 0.0_f32.to_bits());
    }

    #[test]
    fn powers_of_two_are_right() {
        for step in 0..20_000_u16 {
            let x = -f32::from(step) / 160.0;
            let (found, exact) = (f64::from(exp2(x)), f64::from(x).exp2());
            assert!((found - exact).abs() < 1e-6 * exact, "2^{x}: {found} for {exact}");
        }
        assert_eq!(exp2(-1e9).to_bits(), 0.0_f32.to_bits());
    }

    #[test]
    fn sines_and_cosines_are_right() {
        for step in 0..20_000_u16 {
            let turn = f32::from(step) / 20_000.0;
            let (exact_sin, exact_cos) = (f64::from(turn) * std::f64::consts::TAU).sin_cos();
            let (sin, cos) = sin_cos(turn);
            assert!((f64::from(sin) - exact_sin).abs() < 4e-7, "sin of {turn} turns");
            assert!((f64::from(cos) - exact_cos).abs() < 4e-7, "cos of {turn} turns");
        }
    }
}
