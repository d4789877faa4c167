//! Accounts: whoever a token speaks for, and what they may do.

use crate::domain::id::AccountId;
use crate::domain::limits::SHARE_WHOLE;
use crate::domain::time::Timestamp;

/// What a token allows. One token may hold several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Watch, react, buy.
    Viewer,
    /// Upload clips and tag products.
    Creator,
    /// Keep a catalog and stock, see orders.
    Merchant,
    /// See the whole installation.
    Operator,
}

impl Scope {
    /// All scopes, in the order of their rights.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Creator, Self::Merchant, Self::Operator];

    /// The word in a token's `scope` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Creator => "creator",
            Self::Merchant => "merchant",
            Self::Operator => "operator",
        }
    }

    /// The scope of a word; `None` for a word that is none of ours.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A country as ISO 3166-1 alpha-2: where an account watches and buys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
pub struct Market([u8; 2]);

impl Market {
    /// The United States, the default of a new installation.
    pub const US: Self = Self(*b"US");

    /// Two upper-case letters; `None` for anything else.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 2] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

/// What an account shows of itself, and how it wants to be served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Derived from the token's issuer and subject: no look-up is needed to know it.
    pub id: AccountId,
    /// The public short name, unique by convention, without `@`.
    pub handle: String,
    /// The public name.
    pub display_name: String,
    /// The name over the shop, when it differs from the person's.
    pub shop_name: Option<String>,
    /// Where it watches and buys.
    pub market: Market,
    /// Whether its own history may shape its feed.
    pub personalised: bool,
    /// How much of what it is shown may have something to buy, in millionths.
    pub max_shoppable_share: u32,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// Grows by one with each change; the guard of conditional writes.
    pub version: u64,
}

impl Account {
    /// The account that comes into being on first use: named after the id until its owner says more.
    pub fn unnamed(id: AccountId, market: Market, at: Timestamp) -> Self {
        let text = id.to_string();
        let handle = format!("user-{}", &text[text.len() - 8..]);
        Self {
            id,
            display_name: handle.clone(),
            handle,
            shop_name: None,
            market,
            personalised: true,
            max_shoppable_share: SHARE_WHOLE,
            created_at: at,
            version: 0,
        }
    }

    /// The name a buyer sees over the products.
    pub fn seller_name(&self) -> &str {
        self.shop_name.as_deref().unwrap_or(&self.display_name)
    }
}
