//! What a list of recommendations is worth, by the usual measures of a full ranking.

/// The value of hits at ranks 0.., where the ideal list has `relevant` hits first: discounted gain
/// over the ideal one.
pub fn ndcg(hits: &[bool], relevant: usize) -> f64 {
    let ideal: f64 = (0..relevant.min(hits.len())).map(discount).sum();
    let gained: f64 =
        hits.iter().enumerate().filter(|(_, hit)| **hit).map(|(rank, _)| discount(rank)).sum();
    if ideal > 0.0 { gained / ideal } else { 0.0 }
}

/// The worth of a hit at a rank, counted from 0.
pub fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}
