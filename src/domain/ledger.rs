//! Double entry: every movement of money has two sides that are equal, and nothing is ever edited.

use std::collections::BTreeMap;

use crate::domain::id::{AccountId, OrderId, TransferId};
use crate::domain::money::{Currency, Money, MoneyError};
use crate::domain::order::Order;
use crate::domain::policy::ShopPolicy;
use crate::domain::time::Timestamp;

/// Whose money, or what it is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum LedgerAccount {
    /// What buyers owe between placing and paying; zero when all is well.
    BuyerClearing,
    /// What the house owes a merchant.
    MerchantPayable(AccountId),
    /// What the house owes a creator.
    CreatorPayable(AccountId),
    /// What the house earned.
    PlatformFee,
    /// What the house owes the tax office.
    TaxPayable,
    /// What was paid for delivery.
    Shipping,
    /// What was given back to buyers.
    Refunds,
    /// What payment providers hold for the house.
    ProviderClearing,
}

impl LedgerAccount {
    /// The word of the kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::BuyerClearing => "buyer_clearing",
            Self::MerchantPayable(_) => "merchant_payable",
            Self::CreatorPayable(_) => "creator_payable",
            Self::PlatformFee => "platform_fee",
            Self::TaxPayable => "tax_payable",
            Self::Shipping => "shipping",
            Self::Refunds => "refunds",
            Self::ProviderClearing => "provider_clearing",
        }
    }

    /// Whose it is, for the kinds that belong to someone.
    pub const fn owner(self) -> Option<AccountId> {
        match self {
            Self::MerchantPayable(owner) | Self::CreatorPayable(owner) => Some(owner),
            Self::BuyerClearing
            | Self::PlatformFee
            | Self::TaxPayable
            | Self::Shipping
            | Self::Refunds
            | Self::ProviderClearing => None,
        }
    }
}

/// One side of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Left: what comes in, or is owed to us.
    Debit,
    /// Right: what goes out, or is owed by us.
    Credit,
}

/// An amount on one side of one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    /// Where.
    pub account: LedgerAccount,
    /// On which side.
    pub side: Side,
    /// How much; above zero.
    pub amount: Money,
}

/// What a transfer records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransferKind {
    /// An order came into being: the buyer owes, the others are owed.
    OrderPlaced,
    /// The buyer paid.
    PaymentCaptured,
}

impl TransferKind {
    /// A stable word for stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderPlaced => "order_placed",
            Self::PaymentCaptured => "payment_captured",
        }
    }

    /// The kind of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::OrderPlaced, Self::PaymentCaptured].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Why something is not a transfer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The two sides differ.
    #[error("debits and credits differ by {0:?}")]
    Unbalanced(Money),
    /// An amount is zero or negative: the other side exists for that.
    #[error("a posting of {0:?}")]
    NotPositive(Money),
    /// There is nothing in it.
    #[error("a transfer without postings")]
    Empty,
    /// A sum does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// One balanced entry of the journal. It is written once; a mistake is mended by another transfer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    id: TransferId,
    kind: TransferKind,
    order: OrderId,
    at: Timestamp,
    postings: Vec<Posting>,
}

impl Transfer {
    /// A transfer, if for each currency its debits equal its credits.
    pub fn new(
        id: TransferId,
        kind: TransferKind,
        order: OrderId,
        at: Timestamp,
        postings: Vec<Posting>,
    ) -> Result<Self, LedgerError> {
        if postings.is_empty() {
            return Err(LedgerError::Empty);
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for posting in &postings {
            if posting.amount.minor() <= 0 {
                return Err(LedgerError::NotPositive(posting.amount));
            }
            let minor = i128::from(posting.amount.minor());
            *sums.entry(posting.amount.currency()).or_default() += match posting.side {
                Side::Debit => minor,
                Side::Credit => -minor,
            };
        }
        if let Some((&currency, &off)) = sums.iter().find(|(_, sum)| **sum != 0) {
            let off = i64::try_from(off).unwrap_or(i64::MAX);
            return Err(LedgerError::Unbalanced(Money::new(off, currency)));
        }
        Ok(Self { id, kind, order, at, postings })
    }

    /// Who it is; derived from what it records, so that recording twice writes once.
    pub const fn id(&self) -> TransferId {
        self.id
    }

    /// What it records.
    pub const fn kind(&self) -> TransferKind {
        self.kind
    }

    /// For which order.
    pub const fn order(&self) -> OrderId {
        self.order
    }

    /// When.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Its sides.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// What placing `order` moves: the buyer owes the total; merchants are owed their items less the
/// platform's fee and the creators' commissions; a creator earns nothing on a sale to or by themselves.
pub fn placed_postings(order: &Order, policy: &ShopPolicy) -> Result<Vec<Posting>, LedgerError> {
    let currency = order.totals.grand_total.currency();
    let mut fee = Money::zero(currency);
    let mut owed: BTreeMap<LedgerAccount, Money> = BTreeMap::new();
    for merchant in order.merchants() {
        let mut items = Money::zero(currency);
        let mut attributed: BTreeMap<AccountId, Money> = BTreeMap::new();
        for line in order.lines.iter().filter(|line| line.merchant == merchant) {
            let total = line.total()?;
            items = items.plus(total)?;
            let creator = line.attribution.map(|seen| seen.creator);
            if let Some(creator) = creator.filter(|who| *who != merchant && *who != order.buyer) {
                let sum = attributed.entry(creator).or_insert(Money::zero(currency));
                *sum = sum.plus(total)?;
            }
        }
        let merchant_fee = items.basis_points(policy.platform_fee_bps);
        fee = fee.plus(merchant_fee)?;
        let mut rest = items.minus(merchant_fee)?;
        for (creator, value) in attributed {
            let commission = value.basis_points(policy.creator_commission_bps);
            rest = rest.minus(commission)?;
            add(&mut owed, LedgerAccount::CreatorPayable(creator), commission)?;
        }
        add(&mut owed, LedgerAccount::MerchantPayable(merchant), rest)?;
    }
    add(&mut owed, LedgerAccount::PlatformFee, fee)?;
    add(&mut owed, LedgerAccount::TaxPayable, order.totals.tax)?;
    add(&mut owed, LedgerAccount::Shipping, order.totals.shipping)?;
    let credit = |(account, amount)| Posting { account, side: Side::Credit, amount };
    let debit = Posting {
        account: LedgerAccount::BuyerClearing,
        side: Side::Debit,
        amount: order.totals.grand_total,
    };
    Ok(std::iter::once(debit)
        .chain(owed.into_iter().map(credit))
        .filter(|posting| posting.amount.minor() != 0)
        .collect())
}

/// What paying `order` moves: the provider holds the money, the buyer owes no more.
pub fn captured_postings(order: &Order) -> Vec<Posting> {
    let amount = order.totals.grand_total;
    let side = |account, side| Posting { account, side, amount };
    vec![
        side(LedgerAccount::ProviderClearing, Side::Debit),
        side(LedgerAccount::BuyerClearing, Side::Credit),
    ]
}

fn add(
    owed: &mut BTreeMap<LedgerAccount, Money>,
    account: LedgerAccount,
    amount: Money,
) -> Result<(), MoneyError> {
    let sum = owed.entry(account).or_insert(Money::zero(amount.currency()));
    *sum = sum.plus(amount)?;
    Ok(())
}

/// Both sides of one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// The left side in minor units.
    pub debits: i128,
    /// The right side in minor units.
    pub credits: i128,
}

impl Sums {
    fn take(&mut self, side: Side, minor: i64) {
        match side {
            Side::Debit => self.debits += i128::from(minor),
            Side::Credit => self.credits += i128::from(minor),
        }
    }
}

/// The sums of all accounts, folded over transfers in any order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrialBalance {
    /// Per currency: each account with its sums.
    pub currencies: BTreeMap<Currency, BTreeMap<LedgerAccount, Sums>>,
    /// How many transfers were folded.
    pub transfers: u64,
    /// The instant of the latest transfer.
    pub latest: Option<Timestamp>,
}

impl TrialBalance {
    /// Takes a transfer in.
    pub fn take(&mut self, transfer: &Transfer) {
        for posting in transfer.postings() {
            let accounts = self.currencies.entry(posting.amount.currency()).or_default();
            let sums = accounts.entry(posting.account).or_default();
            sums.take(posting.side, posting.amount.minor());
        }
        self.transfers += 1;
        self.latest = self.latest.max(Some(transfer.at()));
    }

    /// The sums of a whole currency.
    pub fn totals(&self, currency: Currency) -> Sums {
        let all = self.currencies.get(&currency).into_iter().flat_map(BTreeMap::values);
        all.fold(Sums::default(), |sum, next| Sums {
            debits: sum.debits + next.debits,
            credits: sum.credits + next.credits,
        })
    }

    /// Whether debits equal credits in every currency.
    pub fn is_balanced(&self) -> bool {
        self.currencies.keys().all(|&currency| {
            let sums = self.totals(currency);
            sums.debits == sums.credits
        })
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
