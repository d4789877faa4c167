//! What is counted of one clip, with its standing per market.

use serde::{Deserialize, Serialize};

use crate::domain::account::Market;
use crate::domain::engagement::{COUNTERS, ClipCounters};
use crate::records::{Damaged, from_bytes, market, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    decayed: [f32; COUNTERS],
    at_s: u32,
    plays: u32,
    likes: u32,
    shares: u32,
    heat: Vec<(String, f64)>,
}

/// The bytes of a clip's counters and of its heat per market.
pub fn encode(counters: &ClipCounters, heat: &[(Market, f64)]) -> Vec<u8> {
    to_bytes(&Row {
        decayed: counters.decayed,
        at_s: counters.at_s,
        plays: counters.plays,
        likes: counters.likes,
        shares: counters.shares,
        heat: heat.iter().map(|(market, heat)| (market.code().to_owned(), *heat)).collect(),
    })
}

/// The counters and the heat that these bytes are.
pub fn decode(bytes: &[u8]) -> Result<(ClipCounters, Vec<(Market, f64)>), Damaged> {
    let row: Row = from_bytes(bytes)?;
    let counters = ClipCounters {
        decayed: row.decayed,
        at_s: row.at_s,
        plays: row.plays,
        likes: row.likes,
        shares: row.shares,
    };
    let heat = row.heat.into_iter().map(|(code, heat)| Ok((market(&code)?, heat)));
    Ok((counters, heat.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back() {
        let counters = ClipCounters {
            decayed: std::array::from_fn(|place| place as f32 / 8.0),
            at_s: u32::MAX,
            plays: 1,
            likes: 2,
            shares: 3,
        };
        let heat = vec![(Market::US, 6_512.25), (Market::new("DE").unwrap(), -1.0)];
        check(&(counters, heat.clone()), &encode(&counters, &heat), 0x9194_a6ce_8126_dc3e, decode);
        let none = ClipCounters::default();
        check(&(none, Vec::new()), &encode(&none, &[]), 0x0c0f_d84d_9456_06f7, decode);
    }
}
