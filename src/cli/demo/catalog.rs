//! The demo's content as `media-samples/catalog.json` lists it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// Why the content cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CatalogError {
    /// The file is not there.
    #[error("`{0}` cannot be read: run from the project's root, or name the folder with --samples")]
    Missing(String, #[source] std::io::Error),
    /// The file is not what it should be.
    #[error("`{0}` is not a catalog")]
    Malformed(String, #[source] serde_json::Error),
}

/// Everything in the file.
#[derive(Deserialize)]
pub(super) struct Catalog {
    pub(super) merchants: Vec<Merchant>,
    pub(super) creators: Vec<Creator>,
    pub(super) products: Vec<Product>,
    pub(super) clips: Vec<Clip>,
}

/// A shop.
#[derive(Deserialize)]
pub(super) struct Merchant {
    pub(super) subject: String,
    pub(super) display_name: String,
}

/// Someone who makes clips.
#[derive(Deserialize)]
pub(super) struct Creator {
    pub(super) subject: String,
    pub(super) handle: String,
    pub(super) display_name: String,
}

/// Something for sale.
#[derive(Deserialize)]
pub(super) struct Product {
    pub(super) key: String,
    pub(super) merchant: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) brand: String,
    pub(super) category: String,
    pub(super) image_files: Vec<String>,
    pub(super) variants: Vec<Variant>,
}

/// One of its kinds, with the stock to begin with.
#[derive(Deserialize)]
pub(super) struct Variant {
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) options: Value,
    pub(super) price: Value,
    pub(super) compare_at: Option<Value>,
    pub(super) gtin: Option<String>,
    pub(super) on_hand: u32,
}

/// A video.
#[derive(Deserialize)]
pub(super) struct Clip {
    pub(super) file: String,
    pub(super) creator: String,
    pub(super) caption: String,
    pub(super) product_tags: Vec<Tag>,
}

/// A product in a video.
#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) product: String,
    pub(super) variant_sku: Option<String>,
    pub(super) start_ms: u32,
    pub(super) end_ms: u32,
    pub(super) hotspot: Option<Value>,
}

impl Catalog {
    /// The catalog of a folder.
    pub(super) fn read(folder: &Path) -> Result<Self, CatalogError> {
        let path = folder.join("catalog.json");
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| CatalogError::Missing(name.clone(), error))?;
        serde_json::from_str(&text).map_err(|error| CatalogError::Malformed(name, error))
    }
}
