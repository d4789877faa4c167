//! Whose products a clip shows.

use crate::feed::index::rows::CLIP_MERCHANTS;
use crate::feed::index::{Index, NO_MERCHANTS};
use crate::feed::query::known;

impl Index {
    /// Notes whose known products a clip shows, and files it under these.
    pub(super) fn set_merchants(&mut self, ordinal: u32) {
        self.unlink_merchants(ordinal);
        let mut merchants = NO_MERCHANTS;
        let mut free = 0;
        for product in self.products(ordinal) {
            let Some(shelved) = self.shelf.products.get(&product) else { continue };
            if free < CLIP_MERCHANTS && !merchants.contains(&shelved.merchant) {
                merchants[free] = shelved.merchant;
                free += 1;
            }
        }
        for &merchant in known(&merchants) {
            let shop = self.entities.shop(merchant);
            self.entities.link(shop, &self.rows, ordinal);
        }
        self.merchants[ordinal as usize] = merchants;
    }

    pub(super) fn unlink_merchants(&mut self, ordinal: u32) {
        let merchants = std::mem::replace(&mut self.merchants[ordinal as usize], NO_MERCHANTS);
        for &merchant in known(&merchants) {
            let shop = self.entities.shop(merchant);
            self.entities.unlink(shop, &self.rows, ordinal);
        }
    }
}
