//! Orders.

use serde::{Deserialize, Serialize};

use crate::domain::id::{AccountId, CheckoutId, OrderId, PaymentId};
use crate::domain::order::{Address, Order, OrderState};
use crate::domain::time::Timestamp;
use crate::records::order_parts::{AddressRow, LineRow, TotalsRow, line, totals};
use crate::records::{Damaged, from_bytes, to_bytes};

#[derive(Serialize, Deserialize)]
struct Row {
    buyer: u128,
    checkout: u128,
    state: String,
    placed_at_ms: i64,
    lines: Vec<LineRow>,
    totals: TotalsRow,
    payment: u128,
    payment_method: String,
    email: String,
    shipping_address: AddressRow,
    shipping_option: String,
}

impl From<&Order> for Row {
    fn from(order: &Order) -> Self {
        Self {
            buyer: order.buyer.bits(),
            checkout: order.checkout.bits(),
            state: order.state.as_str().to_owned(),
            placed_at_ms: order.placed_at.unix_ms(),
            lines: order.lines.iter().map(LineRow::from).collect(),
            totals: TotalsRow::from(&order.totals),
            payment: order.payment.bits(),
            payment_method: order.payment_method.clone(),
            email: order.email.clone(),
            shipping_address: AddressRow::from(&order.shipping_address),
            shipping_option: order.shipping_option.clone(),
        }
    }
}

/// The bytes of `order`.
pub fn encode(order: &Order) -> Vec<u8> {
    to_bytes(&Row::from(order))
}

/// The order that these bytes are.
pub fn decode(id: OrderId, bytes: &[u8]) -> Result<Order, Damaged> {
    let row: Row = from_bytes(bytes)?;
    let (totals, currency) = totals(&row.totals)?;
    if row.state != OrderState::Placed.as_str() {
        return Err(Damaged::new(format!("state `{}`", row.state)));
    }
    Ok(Order {
        id,
        buyer: AccountId::from_bits(row.buyer),
        checkout: CheckoutId::from_bits(row.checkout),
        state: OrderState::Placed,
        placed_at: Timestamp::from_unix_ms(row.placed_at_ms),
        lines: row.lines.into_iter().map(|row| line(row, currency)).collect(),
        totals,
        payment: PaymentId::from_bits(row.payment),
        payment_method: row.payment_method,
        email: row.email,
        shipping_address: Address::from(row.shipping_address),
        shipping_option: row.shipping_option,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::order_parts::tests::{address, lines, sums};
    use crate::records::testing::check;

    #[test]
    fn every_field_comes_back() {
        let order = Order {
            id: OrderId::from_bits(1),
            buyer: AccountId::from_bits(2),
            checkout: CheckoutId::from_bits(3),
            state: OrderState::Placed,
            placed_at: Timestamp::from_unix_ms(4),
            lines: lines(),
            totals: sums(),
            payment: PaymentId::from_bits(5),
            payment_method: "pm_approve".into(),
            email: "vera@shop.example".into(),
            shipping_address: address(),
            shipping_option: "standard".into(),
        };
        check(&order, &encode(&order), 0x8245_ce23_f032_2edc, |bytes| decode(order.id, bytes));
    }
}
