//! Configuration: defaults, then a TOML file, then `VITRINE_SECTION__KEY`, then flags.
//!
//! `raw` is the file as written; here it is read, checked as a whole, and its origins are kept.

pub mod raw;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};
use url::Url;

use crate::config::raw::{Raw, SECTIONS, Traces};
use crate::domain::account::Market;
use crate::domain::limits::{
    CLIP_DURATION_MS_MAX, CLIP_DURATION_MS_MIN, FEED_SESSION_TTL_MS_MAX, SEEN_WINDOW_MS_MAX,
    UNIT_PRICE_MINOR_MAX,
};
use crate::domain::money::Money;
use crate::domain::time::{DAY_MS, MINUTE_MS};
use crate::ranking::value::ValueModel;

/// A finished span takes about a kilobyte, so this many take some 64 MiB.
const SPANS_MAX: usize = 65_536;

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// A flag that stands for a key: `("server.listen", "0.0.0.0:80")`.
pub type Override = (&'static str, String);

/// The configuration with the origin of every value.
#[derive(Debug)]
pub struct Config {
    /// As written, defaults filled in.
    pub raw: Raw,
    /// Where new accounts watch and buy.
    pub default_market: Market,
    /// What delivery costs.
    pub shipping: ShippingPrices,
    /// What actions are worth to the ranking.
    pub values: ValueModel,
    figment: Figment,
    sources: Sources,
}

/// Where a configuration comes from besides the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Flags, which win over all else.
    pub flags: Vec<Override>,
}

impl Config {
    /// Reads `file`, if one is given, the environment and the flags. All faults are told at once.
    pub fn load(file: Option<&Path>, flags: &[Override]) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Raw::default()));
        if let Some(path) = file {
            if !path.is_file() {
                let line = format!("{}: there is no such file", path.display());
                return Err(ConfigError(vec![line]));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        // Only `VITRINE_SECTION__KEY` is ours; other names may belong to scripts.
        let env = Env::prefixed("VITRINE_").filter(|key| key.as_str().contains("__")).split("__");
        figment = figment.merge(env);
        for (key, value) in flags {
            figment = figment.merge(Serialized::default(key, value));
        }
        let faults = unknown_keys(&figment);
        if !faults.is_empty() {
            return Err(ConfigError(faults));
        }
        let raw: Raw = figment.extract().map_err(|error| {
            ConfigError(error.into_iter().map(|fault| fault.to_string()).collect())
        })?;
        let Checked { default_market, shipping, values } = check(&raw)?;
        let sources = Sources { file: file.map(Path::to_owned), flags: flags.to_vec() };
        Ok(Self { raw, default_market, shipping, values, figment, sources })
    }

    /// Reads the same sources anew.
    pub fn load_from(sources: &Sources) -> Result<Self, ConfigError> {
        Self::load(sources.file.as_deref(), &sources.flags)
    }

    /// Where it was read from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Key, value and origin of every setting, secrets left out.
    pub fn describe(&self) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        for (section, keys) in SECTIONS {
            for (key, _) in *keys {
                let path = format!("{section}.{key}");
                let value = self.figment.find_value(&path).map(|value| show(&value));
                let shown = if (key.contains("secret") || key.contains("password"))
                    && value.as_deref() != Ok("\"\"")
                {
                    "(not shown)".to_owned()
                } else {
                    value.unwrap_or_default()
                };
                rows.push((path.clone(), shown, self.origin(&path)));
            }
        }
        rows
    }

    fn origin(&self, path: &str) -> String {
        let Some(metadata) = self.figment.find_metadata(path) else { return "default".into() };
        if let Some(figment::Source::File(file)) = &metadata.source {
            return file.display().to_string();
        }
        let name = metadata.name.to_lowercase();
        if name.contains("environment") {
            let (section, key) = path.split_once('.').unwrap_or((path, ""));
            return format!("VITRINE_{}__{}", section.to_uppercase(), key.to_uppercase());
        }
        if name.contains("raw") { "default".into() } else { "flag".into() }
    }

    /// The data directory.
    pub fn data_directory(&self) -> PathBuf {
        PathBuf::from(&self.raw.data.directory)
    }
}

/// What delivery costs: at most one price per currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShippingPrices {
    /// Standard delivery.
    pub standard: Vec<Money>,
    /// Express delivery.
    pub express: Vec<Money>,
}

/// What checking the raw values came to.
struct Checked {
    default_market: Market,
    shipping: ShippingPrices,
    values: ValueModel,
}

fn show(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, c) => format!("{:?}", c.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => {
            let whole =
                number.to_i128().or_else(|| number.to_u128().and_then(|n| n.try_into().ok()));
            whole.map_or_else(|| format!("{:?}", number.to_f64()), |n: i128| n.to_string())
        }
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Empty(..) | Value::Dict(..) => String::new(),
    }
}

/// Keys that mean nothing, each with the nearest one that does.
fn unknown_keys(figment: &Figment) -> Vec<String> {
    let known: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, keys)| keys.iter().map(move |(key, _)| format!("{section}.{key}")))
        .collect();
    let Ok(Value::Dict(_, sections)) = figment.find_value("") else { return Vec::new() };
    let mut faults = Vec::new();
    for (section, value) in &sections {
        let keys = value.as_dict().map(|keys| full_names(section, keys));
        let keys = keys.unwrap_or_else(|| vec![section.clone()]);
        for key in keys.into_iter().filter(|key| !known.contains(key)) {
            let near = known
                .iter()
                .min_by_key(|candidate| strsim::damerau_levenshtein(candidate, &key))
                .filter(|candidate| strsim::normalized_damerau_levenshtein(candidate, &key) > 0.5);
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            faults.push(format!("unknown key `{key}`{hint}"));
        }
    }
    faults
}

fn full_names(section: &str, keys: &Dict) -> Vec<String> {
    keys.keys().map(|key| format!("{section}.{key}")).collect()
}

/// What the types cannot say.
fn check(raw: &Raw) -> Result<Checked, ConfigError> {
    let mut faults = Vec::new();
    let mut require = |fine: bool, fault: &str| {
        if !fine {
            faults.push(fault.to_owned());
        }
    };
    let market = Market::new(&raw.market.default);
    require(market.is_some(), "market.default: two capital letters such as \"US\"");
    require(raw.server.connections_max > 0, "server.connections_max: at least 1");
    require(raw.server.in_flight_max > 0, "server.in_flight_max: at least 1");
    require(raw.server.checkouts_in_flight_max > 0, "server.checkouts_in_flight_max: at least 1");
    require(raw.server.request_timeout_ms >= 100, "server.request_timeout_ms: at least 100");
    require(["text", "json"].contains(&raw.log.format.as_str()), "log.format: `text` or `json`");
    require(raw.media.workers <= 64, "media.workers: at most 64");
    let clip_ms = i64::try_from(raw.media.clip_duration_ms_max).unwrap_or(i64::MAX);
    require(
        (CLIP_DURATION_MS_MIN..=CLIP_DURATION_MS_MAX).contains(&clip_ms),
        "media.clip_duration_ms_max: from 500 to 600000",
    );
    let suppression_ms = i64::from(raw.feed.suppression_days) * DAY_MS;
    require(suppression_ms <= SEEN_WINDOW_MS_MAX, "feed.suppression_days: at most 366");
    let session_ms = i64::try_from(raw.feed.session_ttl_ms).unwrap_or(i64::MAX);
    require(
        (MINUTE_MS..=FEED_SESSION_TTL_MS_MAX).contains(&session_ms),
        "feed.session_ttl_ms: from 60000 to 604800000",
    );
    require(raw.feed.model_interval_ms >= 1_000, "feed.model_interval_ms: at least 1000");
    let fees = u32::from(raw.shop.platform_fee_bps) + u32::from(raw.shop.creator_commission_bps);
    require(fees <= 10_000, "shop: fee and commission together are at most 10000 basis points");
    let url = &raw.server.public_url;
    let fine = url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
    require(fine, "server.public_url: begins with http:// or https://");
    let pair = raw.auth.trusted_issuer.is_empty() == raw.auth.trusted_keys.is_empty();
    require(pair, "auth.trusted_issuer and auth.trusted_keys: both or neither");
    let keyed = !(raw.objects.access_key.is_empty() || raw.objects.secret_key.is_empty());
    let (outside, listening) = (!raw.objects.endpoint.is_empty(), !raw.objects.listen.is_empty());
    require(
        keyed || !(outside || listening),
        "objects.access_key and objects.secret_key: needed with objects.endpoint or objects.listen",
    );
    require(
        !(outside && listening),
        "objects.listen: not with objects.endpoint, it is not embedded",
    );
    let clustered = !raw.cql.nodes.trim().is_empty();
    require(!clustered || !raw.redis.urls.trim().is_empty(), "redis.urls: needed with cql.nodes");
    require(
        !clustered || outside,
        "objects.endpoint: needed with cql.nodes, for nodes share their objects",
    );
    require(raw.cql.replication > 0, "cql.replication: at least 1");
    check_traces(&raw.traces, &mut require);
    let values = raw.ranking.values();
    if let Some(fault) = values.fault() {
        faults.push(format!("ranking.{fault}"));
    }
    let mut prices = |key: &str, entries: &[String]| {
        price_list(entries).map_err(|fault| faults.push(format!("shop.{key}: {fault}"))).ok()
    };
    let standard = prices("standard_shipping", &raw.shop.standard_shipping);
    let express = prices("express_shipping", &raw.shop.express_shipping);
    match (market, standard, express) {
        (Some(default_market), Some(standard), Some(express)) if faults.is_empty() => {
            let shipping = ShippingPrices { standard, express };
            Ok(Checked { default_market, shipping, values })
        }
        _ => Err(ConfigError(faults)),
    }
}

/// What the types cannot say about `[traces]`.
fn check_traces(traces: &Traces, mut require: impl FnMut(bool, &str)) {
    let endpoint = &traces.otlp_endpoint;
    let plain = Url::parse(endpoint).is_ok_and(|url| {
        let whole = ["http", "https"].contains(&url.scheme()) && url.query().is_none();
        // `vitrine config` shows it.
        whole && url.username().is_empty() && url.password().is_none()
    });
    require(
        endpoint.is_empty() || plain,
        "traces.otlp_endpoint: an http or https URL without a user and a query",
    );
    require((0.0..=1.0).contains(&traces.sample_ratio), "traces.sample_ratio: from 0 to 1");
    require(
        (1..=SPANS_MAX).contains(&traces.queue_spans_max),
        "traces.queue_spans_max: from 1 to 65536",
    );
    require(
        (1..=traces.queue_spans_max).contains(&traces.batch_spans_max),
        "traces.batch_spans_max: from 1 to `queue_spans_max`",
    );
    require(
        (10..=60_000).contains(&traces.export_interval_ms),
        "traces.export_interval_ms: from 10 to 60000",
    );
    require(
        (10..=60_000).contains(&traces.export_timeout_ms),
        "traces.export_timeout_ms: from 10 to 60000",
    );
}

/// Reads `["USD 499", "JPY 800"]`: at most one price per currency, none negative.
fn price_list(entries: &[String]) -> Result<Vec<Money>, String> {
    let mut prices: Vec<Money> = Vec::new();
    for entry in entries {
        let price = entry.split_once(' ').and_then(|(code, minor)| {
            let minor = minor
                .trim()
                .parse()
                .ok()
                .filter(|minor| (0..=UNIT_PRICE_MINOR_MAX).contains(minor));
            Some(Money::new(minor?, code.parse().ok()?))
        });
        let price = price.ok_or_else(|| {
            format!("`{entry}` is no price; write a currency and minor units, such as \"USD 499\"")
        })?;
        if prices.iter().any(|other| other.currency() == price.currency()) {
            return Err(format!("{} has two prices", price.currency()));
        }
        prices.push(price);
    }
    Ok(prices)
}

/// A file with every key, its meaning and its default.
pub fn reference() -> String {
    let defaults = toml::Table::try_from(Raw::default()).unwrap_or_default();
    let mut text = String::from(
        "# Every key with its default. Set in a file for `--config`, or as VITRINE_SECTION__KEY.\n",
    );
    for (section, keys) in SECTIONS {
        let _ = writeln!(text, "\n[{section}]");
        for (key, docs) in *keys {
            for line in *docs {
                let _ = writeln!(text, "#{line}");
            }
            let value = defaults.get(*section).and_then(|values| values.get(*key));
            let value = value.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn defaults_are_sound_and_every_key_is_listed() {
        let config = Config::load(None, &[]).unwrap();
        let listed: usize = SECTIONS.iter().map(|(_, keys)| keys.len()).sum();
        let written: usize = toml::Table::try_from(config.raw.clone())
            .unwrap()
            .values()
            .map(|section| section.as_table().unwrap().len())
            .sum();
        assert_eq!(listed, written);
        assert!(config.describe().iter().all(|(_, _, origin)| origin == "default"));
    }

    #[test]
    fn later_origins_win_and_are_named() {
        let file = write("[feed]\nsuppression_days = 7\n[log]\nfilter = \"warn\"\n");
        let flags = [("log.filter", "debug".to_owned())];
        let config = Config::load(Some(file.path()), &flags).unwrap();
        assert_eq!(config.raw.feed.suppression_days, 7);
        assert_eq!(config.raw.log.filter, "debug");
        let origin = |key: &str| {
            config.describe().into_iter().find(|row| row.0 == key).map(|row| row.2).unwrap()
        };
        assert!(origin("feed.suppression_days").contains(".toml"));
        assert_eq!(origin("log.filter"), "flag");
    }

    #[test]
    fn unknown_keys_come_with_a_suggestion() {
        let file = write("[server]\nlissten = \"x\"\n");
        let error = Config::load(Some(file.path()), &[]).unwrap_err().to_string();
        assert!(error.contains("`server.lissten`") && error.contains("`server.listen`"), "{error}");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let file = write("[market]\ndefault = \"usa\"\n[log]\nformat = \"xml\"\n");
        let error = Config::load(Some(file.path()), &[]).unwrap_err().to_string();
        assert!(error.contains("market.default") && error.contains("log.format"), "{error}");
    }

    #[test]
    fn a_collectors_address_shows_no_secret() {
        for bad in ["collector:4318", "http://me:secret@collector:4318", "http://collector/?key=1"]
        {
            let flags = [("traces.otlp_endpoint", bad.to_owned())];
            let error = Config::load(None, &flags).unwrap_err().to_string();
            assert!(error.starts_with("traces.otlp_endpoint: "), "{bad}: {error}");
        }
        let flags = [("traces.otlp_endpoint", "https://collector.example/otlp".to_owned())];
        assert!(Config::load(None, &flags).is_ok());
    }

    #[test]
    fn the_reference_file_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/config.reference.toml");
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, reference(), "write the output of `vitrine config --reference` there");
    }
}
