//! Profiles: what an account shows of itself.

use std::sync::Arc;

use crate::domain::account::{Account, Market};
use crate::domain::change::Change;
use crate::domain::id::AccountId;
use crate::ports::accounts::AccountStore;
use crate::ports::changes::ChangeLog;
use crate::ports::clock::Clock;
use crate::ports::error::StoreError;

/// A change of a profile; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileEdit {
    /// The public short name.
    pub handle: Option<String>,
    /// The public name.
    pub display_name: Option<String>,
    /// The name over the shop.
    pub shop_name: Option<String>,
    /// Where it watches and buys.
    pub market: Option<Market>,
    /// Whether its own history may shape its feed.
    pub personalised: Option<bool>,
    /// How much of what it is shown may have something to buy, in millionths.
    pub max_shoppable_share: Option<u32>,
}

/// Reads and edits profiles.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    changes: Arc<dyn ChangeLog>,
    clock: Arc<dyn Clock>,
    default_market: Market,
}

impl Accounts {
    /// New accounts watch and buy in `default_market`.
    pub fn new(
        store: Arc<dyn AccountStore>,
        changes: Arc<dyn ChangeLog>,
        clock: Arc<dyn Clock>,
        default_market: Market,
    ) -> Self {
        Self { store, changes, clock, default_market }
    }

    /// Where accounts watch and buy of which nothing else is known.
    pub fn default_market(&self) -> Market {
        self.default_market
    }

    /// The account as it stands; one that was never edited shows its defaults.
    pub async fn get(&self, id: AccountId) -> Result<Account, StoreError> {
        let stored = self.store.get(id).await?;
        Ok(stored.unwrap_or_else(|| Account::unnamed(id, self.default_market, self.clock.now())))
    }

    /// Applies an edit; two edits at once are both applied, one after the other.
    pub async fn edit(&self, id: AccountId, edit: &ProfileEdit) -> Result<Account, StoreError> {
        loop {
            let mut account = self.get(id).await?;
            let edit = edit.clone();
            account.handle = edit.handle.unwrap_or(account.handle);
            account.display_name = edit.display_name.unwrap_or(account.display_name);
            account.shop_name = edit.shop_name.or(account.shop_name);
            account.market = edit.market.unwrap_or(account.market);
            account.personalised = edit.personalised.unwrap_or(account.personalised);
            let share = edit.max_shoppable_share.unwrap_or(account.max_shoppable_share);
            account.max_shoppable_share = share;
            account.version += 1;
            match self.store.put(&account).await {
                Ok(()) => {
                    self.changes.append(&[Change::AccountChanged(id)]).await?;
                    return Ok(account);
                }
                // Each lost race means that another edit went through: the loop ends.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
