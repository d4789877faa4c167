//! Laws of the ledger.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::attribution::Attribution;
use crate::domain::id::{CheckoutId, ClipId, PaymentId, SlateId};
use crate::domain::order::fixtures::line;
use crate::domain::order::{Address, Line, OrderState, Totals};

fn order(lines: Vec<Line>, shipping: i64, tax_bps: u16) -> Order {
    let totals = Totals::of(&lines, Money::new(shipping, Currency::USD), tax_bps).unwrap();
    Order {
        id: OrderId::from_bits(1),
        buyer: AccountId::from_bits(100),
        checkout: CheckoutId::from_bits(1),
        state: OrderState::Placed,
        placed_at: Timestamp::EPOCH,
        lines,
        totals,
        payment: PaymentId::from_bits(1),
        payment_method: "pm_approve".into(),
        email: "a@b.example".into(),
        shipping_address: Address {
            name: "A".into(),
            line1: "B".into(),
            line2: None,
            city: "C".into(),
            region: None,
            postal_code: "1".into(),
            country: "US".into(),
        },
        shipping_option: "standard".into(),
    }
}

fn by(creator: u128, mut line: Line) -> Line {
    line.attribution = Some(Attribution {
        viewer: AccountId::from_bits(100),
        clip: ClipId::from_bits(1),
        creator: AccountId::from_bits(creator),
        slate: SlateId::from_bits(1),
        position: 0,
        product: None,
        issued_at: Timestamp::EPOCH,
    });
    line
}

fn transfer(postings: Vec<Posting>) -> Result<Transfer, LedgerError> {
    let kind = TransferKind::OrderPlaced;
    Transfer::new(TransferId::from_bits(1), kind, OrderId::from_bits(1), Timestamp::EPOCH, postings)
}

fn credit_of(postings: &[Posting], account: LedgerAccount) -> i64 {
    postings.iter().filter(|posting| posting.account == account).map(|p| p.amount.minor()).sum()
}

#[test]
fn an_unbalanced_transfer_cannot_be_made() {
    let side =
        |account, side, minor| Posting { account, side, amount: Money::new(minor, Currency::USD) };
    let debit = side(LedgerAccount::ProviderClearing, Side::Debit, 5);
    assert_eq!(transfer(vec![]), Err(LedgerError::Empty));
    assert!(matches!(transfer(vec![debit]), Err(LedgerError::Unbalanced(_))));
    let short = side(LedgerAccount::BuyerClearing, Side::Credit, 4);
    assert!(matches!(transfer(vec![debit, short]), Err(LedgerError::Unbalanced(_))));
    let nothing = side(LedgerAccount::BuyerClearing, Side::Credit, 0);
    assert!(matches!(transfer(vec![debit, nothing]), Err(LedgerError::NotPositive(_))));
    let mut euro = side(LedgerAccount::BuyerClearing, Side::Credit, 5);
    euro.amount = Money::new(5, "EUR".parse().unwrap());
    assert!(matches!(transfer(vec![debit, euro]), Err(LedgerError::Unbalanced(_))));
    let even = side(LedgerAccount::BuyerClearing, Side::Credit, 5);
    assert!(transfer(vec![debit, even]).is_ok());
}

#[test]
fn a_creator_earns_on_what_a_clip_sold_but_not_from_themselves() {
    let policy = ShopPolicy::default();
    let lines = vec![by(7, line(1, 1_000, 2)), by(1, line(1, 500, 1)), by(100, line(1, 500, 1))];
    let postings = placed_postings(&order(lines, 499, 0), &policy).unwrap();
    assert_eq!(credit_of(&postings, LedgerAccount::CreatorPayable(AccountId::from_bits(7))), 200);
    assert_eq!(credit_of(&postings, LedgerAccount::CreatorPayable(AccountId::from_bits(1))), 0);
    assert_eq!(credit_of(&postings, LedgerAccount::CreatorPayable(AccountId::from_bits(100))), 0);
    assert_eq!(credit_of(&postings, LedgerAccount::PlatformFee), 150);
    let merchant = LedgerAccount::MerchantPayable(AccountId::from_bits(1));
    assert_eq!(credit_of(&postings, merchant), 3_000 - 150 - 200);
}

proptest! {
    /// Placing and paying any order balances, and leaves the buyer owing nothing.
    #[test]
    fn every_order_balances(
        lines in vec((1_u128..4, 1_i64..1_000_000, 1_u32..100, proptest::option::of(1_u128..6)), 1..8),
        shipping in 0_i64..5_000,
        tax_bps in 0_u16..3_000,
    ) {
        let lines = lines.into_iter().map(|(merchant, minor, quantity, creator)| {
            let plain = line(merchant, minor, quantity);
            creator.map_or(plain.clone(), |creator| by(creator, plain))
        });
        let order = order(lines.collect(), shipping, tax_bps);
        let placed = transfer(placed_postings(&order, &ShopPolicy::default()).unwrap()).unwrap();
        let captured = transfer(captured_postings(&order)).unwrap();
        let mut balance = TrialBalance::default();
        balance.take(&placed);
        balance.take(&captured);
        prop_assert!(balance.is_balanced());
        let accounts = &balance.currencies[&Currency::USD];
        let buyer = accounts[&LedgerAccount::BuyerClearing];
        prop_assert_eq!(buyer.debits, buyer.credits);
        let held = accounts[&LedgerAccount::ProviderClearing];
        prop_assert_eq!(held.debits, i128::from(order.totals.grand_total.minor()));
    }
}
