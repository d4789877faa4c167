//! Rows that several suites of the shop use, with every field filled.

use vitrine::domain::attribution::Attribution;
use vitrine::domain::checkout::{
    Attempt, CancelKey, Checkout, CheckoutState, Completion, CompletionOutcome, Refusal, demand_of,
};
use vitrine::domain::id::{
    AccountId, CheckoutId, ClipId, OrderId, PaymentId, ProductId, SlateId, VariantId,
};
use vitrine::domain::money::{Currency, Money};
use vitrine::domain::order::{Address, Line, Order, OrderState, Totals};
use vitrine::domain::payment::DeclineReason;
use vitrine::domain::time::Timestamp;

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

pub fn line(merchant: u128) -> Line {
    let attribution = Attribution {
        viewer: AccountId::from_bits(1),
        clip: ClipId::from_bits(2),
        creator: AccountId::from_bits(3),
        slate: SlateId::from_bits(4),
        position: 5,
        product: Some(ProductId::from_bits(6)),
        issued_at: at(7),
    };
    Line {
        product: ProductId::from_bits(6),
        variant: VariantId::from_bits(merchant),
        merchant: AccountId::from_bits(merchant),
        title: "Mug".into(),
        variant_title: "Oak".into(),
        image_url: Some("/media/mug.jpg".into()),
        quantity: 2,
        unit_price: usd(1_999),
        attribution: merchant.is_multiple_of(2).then_some(attribution),
    }
}

pub fn address() -> Address {
    Address {
        name: "Vera".into(),
        line1: "1 Main St".into(),
        line2: None,
        city: "Springfield".into(),
        region: Some("OR".into()),
        postal_code: "97477".into(),
        country: "US".into(),
    }
}

pub fn order(id: u128, buyer: u128, merchants: &[u128]) -> Order {
    let lines: Vec<Line> = merchants.iter().copied().map(line).collect();
    Order {
        id: OrderId::from_bits(id),
        buyer: AccountId::from_bits(buyer),
        checkout: CheckoutId::from_bits(id + 1),
        state: OrderState::Placed,
        placed_at: at(1_000),
        totals: Totals::of(&lines, usd(499), 700).unwrap(),
        lines,
        payment: PaymentId::from_bits(id + 2),
        payment_method: "pm_approve".into(),
        email: "vera@shop.example".into(),
        shipping_address: address(),
        shipping_option: "standard".into(),
    }
}

pub fn attempt() -> Attempt {
    Attempt {
        order: OrderId::from_bits(1),
        payment: PaymentId::from_bits(2),
        provider: "sandbox".into(),
        method: "pm_action".into(),
        started_at: at(3),
    }
}

pub fn checkout(id: u128, buyer: u128, version: u64, state: CheckoutState) -> Checkout {
    let lines = vec![line(21), line(22)];
    let price = Refusal::PriceChanged {
        variant: VariantId::from_bits(1),
        price: usd(5),
        quote: "q".into(),
    };
    let outcomes = [
        None,
        Some(CompletionOutcome::Placed),
        Some(CompletionOutcome::Closed),
        Some(CompletionOutcome::Refused(Refusal::Declined(DeclineReason::Superseded))),
        Some(CompletionOutcome::Refused(price)),
    ];
    let completion =
        |(key, outcome)| Completion { key: key as u128, fingerprint: [key as u8; 32], outcome };
    Checkout {
        id: CheckoutId::from_bits(id),
        buyer: AccountId::from_bits(buyer),
        created_at: at(1),
        expires_at: at(600_000),
        state,
        demand: demand_of(&lines),
        totals: Totals::of(&lines, usd(499), 700).unwrap(),
        lines,
        email: "vera@shop.example".into(),
        shipping_address: address(),
        shipping_option: "express".into(),
        fingerprint: [9; 32],
        completions: outcomes.into_iter().enumerate().map(completion).collect(),
        cancel: Some(CancelKey { key: 8, fingerprint: [8; 32] }),
        version,
    }
}
