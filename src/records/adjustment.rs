//! Corrections of stock with their answers, which a repeated key gets again.

use serde::{Deserialize, Serialize};

use crate::domain::checkout::Fingerprint;
use crate::domain::stock::{AdjustRefusal, StockEdit, StockLevel, StockReason};
use crate::domain::time::Timestamp;
use crate::records::{Damaged, from_bytes, to_bytes};

/// A correction as it was asked for and answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adjusted {
    /// The digest of the body.
    pub fingerprint: Fingerprint,
    /// How the stock was corrected.
    pub edit: StockEdit,
    /// Why.
    pub reason: StockReason,
    /// When.
    pub at: Timestamp,
    /// The level afterwards, or why there is none.
    pub answer: Result<StockLevel, AdjustRefusal>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    fingerprint: Fingerprint,
    edit: EditRow,
    reason: String,
    at_ms: i64,
    answer: AnswerRow,
}

#[derive(Serialize, Deserialize)]
enum EditRow {
    Delta(i64),
    Set { on_hand: u32, version: u64 },
}

#[derive(Serialize, Deserialize)]
enum AnswerRow {
    Made { on_hand: u32, held: u32, holds: u32, version: u64 },
    VersionChanged { current: u64 },
    BelowHeld { held: u32 },
    TooMany,
}

impl From<StockEdit> for EditRow {
    fn from(edit: StockEdit) -> Self {
        match edit {
            StockEdit::Delta(delta) => Self::Delta(delta),
            StockEdit::Set { on_hand, version } => Self::Set { on_hand, version },
        }
    }
}

impl From<EditRow> for StockEdit {
    fn from(row: EditRow) -> Self {
        match row {
            EditRow::Delta(delta) => Self::Delta(delta),
            EditRow::Set { on_hand, version } => Self::Set { on_hand, version },
        }
    }
}

impl From<Result<StockLevel, AdjustRefusal>> for AnswerRow {
    fn from(answer: Result<StockLevel, AdjustRefusal>) -> Self {
        match answer {
            Ok(StockLevel { on_hand, held, holds, version }) => {
                Self::Made { on_hand, held, holds, version }
            }
            Err(AdjustRefusal::VersionChanged { current }) => Self::VersionChanged { current },
            Err(AdjustRefusal::BelowHeld { held }) => Self::BelowHeld { held },
            Err(AdjustRefusal::TooMany) => Self::TooMany,
        }
    }
}

impl From<AnswerRow> for Result<StockLevel, AdjustRefusal> {
    fn from(row: AnswerRow) -> Self {
        match row {
            AnswerRow::Made { on_hand, held, holds, version } => {
                Ok(StockLevel { on_hand, held, holds, version })
            }
            AnswerRow::VersionChanged { current } => Err(AdjustRefusal::VersionChanged { current }),
            AnswerRow::BelowHeld { held } => Err(AdjustRefusal::BelowHeld { held }),
            AnswerRow::TooMany => Err(AdjustRefusal::TooMany),
        }
    }
}

/// The bytes of `adjusted`.
pub fn encode(adjusted: &Adjusted) -> Vec<u8> {
    to_bytes(&Row {
        fingerprint: adjusted.fingerprint,
        edit: adjusted.edit.into(),
        reason: adjusted.reason.as_str().to_owned(),
        at_ms: adjusted.at.unix_ms(),
        answer: adjusted.answer.into(),
    })
}

/// The correction that these bytes are.
pub fn decode(bytes: &[u8]) -> Result<Adjusted, Damaged> {
    let row: Row = from_bytes(bytes)?;
    let reason = StockReason::from_word(&row.reason);
    Ok(Adjusted {
        fingerprint: row.fingerprint,
        edit: row.edit.into(),
        reason: reason.ok_or_else(|| Damaged::new(format!("reason `{}`", row.reason)))?,
        at: Timestamp::from_unix_ms(row.at_ms),
        answer: row.answer.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::testing::check;

    #[test]
    fn every_edit_reason_and_answer_comes_back() {
        let level = StockLevel { on_hand: u32::MAX, held: 2, holds: 1, version: u64::MAX };
        let answers = [
            Ok(level),
            Err(AdjustRefusal::VersionChanged { current: 7 }),
            Err(AdjustRefusal::BelowHeld { held: 3 }),
            Err(AdjustRefusal::TooMany),
        ];
        let pinned = [
            0x4be9_d868_7a49_739b,
            0x947c_4491_e921_15e3,
            0xaa51_1571_e78e_b456,
            0x99d6_8bc8_fb3b_2693,
        ];
        for (place, answer) in answers.into_iter().enumerate() {
            let set = StockEdit::Set { on_hand: 9, version: 4 };
            let adjusted = Adjusted {
                fingerprint: [place as u8; 32],
                edit: if place == 0 { StockEdit::Delta(i64::MIN) } else { set },
                reason: StockReason::ALL[place],
                at: Timestamp::from_unix_ms(5),
                answer,
            };
            check(&adjusted, &encode(&adjusted), pinned[place], decode);
        }
    }
}
