//! Loads the demo's content through the public API.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::run::Running;
use crate::cli::demo::TOKEN_TTL_MS;
use crate::cli::demo::catalog::{Catalog, Clip, Product};
use crate::cli::demo::client::{Client, ClientError};
use crate::domain::account::Scope;

/// How often a clip's state is asked for.
const POLL: Duration = Duration::from_millis(200);
/// The bar moves in steps of a percent of a clip.
const STEPS_PER_CLIP: u64 = 100;

/// What a product became.
struct Sold {
    id: String,
    variants: HashMap<String, String>,
}

type Failure = Box<dyn Error>;

/// Loads everything; what an interrupted start loaded is found again, not doubled.
pub(super) async fn load(
    running: &Running,
    catalog: &Catalog,
    folder: &Path,
) -> Result<(), Failure> {
    let bar = bar(catalog);
    let mut clients = HashMap::new();
    for merchant in &catalog.merchants {
        let client = client(running, &merchant.subject, Scope::Merchant)?;
        let profile = json!({ "display_name": merchant.display_name });
        client.send(Method::PUT, "/v1/merchants/me", &profile, None).await?;
        clients.insert(merchant.subject.as_str(), client);
    }
    for creator in &catalog.creators {
        let client = client(running, &creator.subject, Scope::Creator)?;
        let profile = json!({ "handle": creator.handle, "display_name": creator.display_name });
        client.send(Method::PUT, "/v1/creators/me", &profile, None).await?;
        clients.insert(creator.subject.as_str(), client);
    }
    let find = |subject: &str| {
        clients.get(subject).ok_or_else(|| format!("the catalog has no `{subject}`"))
    };
    let mut sold = HashMap::new();
    for product in &catalog.products {
        bar.set_message(format!("product: {}", product.title));
        let made = sell(find(&product.merchant)?, product, folder).await?;
        sold.insert(product.key.as_str(), made);
        bar.inc(1);
    }
    let mut clips = Vec::new();
    for clip in &catalog.clips {
        bar.set_message(format!("upload: {}", clip.file));
        let client = find(&clip.creator)?;
        clips.push((client, clip, post(client, clip, &sold, folder).await?));
        bar.inc(1);
    }
    for (client, clip, id) in clips {
        bar.set_message(format!("transcode: {}", clip.file));
        watch(client, &id, &bar).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn client(running: &Running, subject: &str, scope: Scope) -> Result<Client, Failure> {
    let token = running.token(subject, &[Scope::Viewer, scope], TOKEN_TTL_MS)?;
    // Over the loopback even if the public name is another: the demo loads itself.
    Ok(Client::new(&format!("http://{}", running.address), token)?)
}

fn bar(catalog: &Catalog) -> ProgressBar {
    let uploads = (catalog.products.len() + catalog.clips.len()) as u64;
    let bar = ProgressBar::new(uploads + catalog.clips.len() as u64 * STEPS_PER_CLIP);
    let style = "{bar:32} {percent:>3}%  {elapsed} (about {eta} left)  {wide_msg}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or(ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Creates a product with pictures and stock.
async fn sell(client: &Client, product: &Product, folder: &Path) -> Result<Sold, Failure> {
    let mut image_urls = Vec::new();
    for file in &product.image_files {
        image_urls.push(client.picture(read(folder, file)?).await?);
    }
    let variants: Vec<Value> = product
        .variants
        .iter()
        .map(|variant| {
            json!({
                "sku": variant.sku, "title": variant.title, "options": variant.options,
                "price": variant.price, "compare_at": variant.compare_at, "gtin": variant.gtin,
            })
        })
        .collect();
    let body = json!({
        "title": product.title, "description": product.description, "brand": product.brand,
        "category": product.category, "image_urls": image_urls, "variants": variants,
    });
    let made = match existing(client, product).await? {
        Some(found) => found,
        None => client.send(Method::POST, "/v1/products", &body, None).await?.body,
    };
    let id = text(&made, "id")?;
    let mut ids = HashMap::new();
    for shown in made["variants"].as_array().into_iter().flatten() {
        ids.insert(text(shown, "sku")?, text(shown, "id")?);
    }
    for variant in &product.variants {
        let Some(variant_id) = ids.get(&variant.sku) else { continue };
        let body =
            json!({ "variant_id": variant_id, "delta": variant.on_hand, "reason": "restock" });
        let key = format!("demo-stock-{variant_id}");
        if variant.on_hand > 0 {
            let path = "/v1/inventory/adjustments";
            client.send(Method::POST, path, &body, Some(&key)).await?;
        }
    }
    Ok(Sold { id, variants: ids })
}

/// The product of an interrupted start, found by its first SKU.
async fn existing(client: &Client, product: &Product) -> Result<Option<Value>, Failure> {
    let sku = product.variants.first().map(|variant| variant.sku.as_str());
    let list = client.get("/v1/products?limit=100").await?.body;
    let same = |found: &&Value| {
        found["variants"].as_array().into_iter().flatten().any(|shown| shown["sku"].as_str() == sku)
    };
    Ok(list["products"].as_array().into_iter().flatten().find(same).cloned())
}

/// Uploads a clip and names it with its tags; answers its id.
async fn post(
    client: &Client,
    clip: &Clip,
    sold: &HashMap<&str, Sold>,
    folder: &Path,
) -> Result<String, Failure> {
    let own = client.get("/v1/creators/me/clips?limit=100").await?.body;
    let same = |found: &&Value| found["caption"].as_str() == Some(&clip.caption);
    if let Some(found) = own["clips"].as_array().into_iter().flatten().find(same) {
        return Ok(text(found, "id")?);
    }
    let mut tags = Vec::new();
    for tag in &clip.product_tags {
        let product = sold.get(tag.product.as_str());
        let product = product.ok_or_else(|| format!("no product `{}`", tag.product))?;
        let variant = tag.variant_sku.as_ref().and_then(|sku| product.variants.get(sku));
        tags.push(json!({
            "product_id": product.id, "variant_id": variant,
            "start_ms": tag.start_ms, "end_ms": tag.end_ms, "hotspot": tag.hotspot,
        }));
    }
    let upload = client.upload(&read(folder, &clip.file)?).await?;
    let body = json!({ "upload_id": upload, "caption": clip.caption, "product_tags": tags });
    Ok(client.send(Method::POST, "/v1/clips", &body, None).await?.text("id")?)
}

/// Follows a clip until it plays.
async fn watch(client: &Client, id: &str, bar: &ProgressBar) -> Result<(), Failure> {
    let before = bar.position();
    loop {
        let clip = client.get(&format!("/v1/clips/{id}")).await?.body;
        let progress = clip["progress"].as_f64().unwrap_or(0.0);
        bar.set_position(before + (progress * STEPS_PER_CLIP as f64) as u64);
        match clip["state"].as_str() {
            Some("ready") => break,
            Some("processing") => tokio::time::sleep(POLL).await,
            _ => return Err(format!("the clip {id} failed: {}", clip["failure"]).into()),
        }
    }
    bar.set_position(before + STEPS_PER_CLIP);
    Ok(())
}

fn text(value: &Value, field: &'static str) -> Result<String, ClientError> {
    let found = value[field].as_str().map(str::to_owned);
    found.ok_or_else(|| ClientError::Unexpected("a list".into(), field))
}

fn read(folder: &Path, file: &str) -> Result<Vec<u8>, Failure> {
    let path = folder.join(file);
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}
