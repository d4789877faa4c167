//! The configuration as it is written, with defaults. Each key is documented in `keys`.

use serde::{Deserialize, Serialize};

use crate::ranking::value::ValueModel;

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $key_doc:literal])* $key:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $key_doc])* pub $key: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $name {
            /// Key and meaning, in order.
            pub const KEYS: &'static [(&'static str, &'static [&'static str])] =
                &[$((stringify!($key), &[$($key_doc),*]),)*];
        }
    };
}

section! {
    /// `[server]`
    Server {
        /// Address to listen on. Port 0 takes a free one and prints it.
        listen: String = "127.0.0.1:8080".into(),
        /// Where clients reach this server, for links in answers. Empty: taken from `listen`.
        public_url: String = String::new(),
        /// Open connections; more wait in the kernel's queue.
        connections_max: usize = 10_000,
        /// Requests in flight, purchases apart; more are refused with 503.
        in_flight_max: usize = 512,
        /// Purchases in flight; more are refused with 503.
        checkouts_in_flight_max: usize = 2_048,
        /// Longest time to an answer, uploads and media apart.
        request_timeout_ms: u64 = 15_000,
        /// How long requests are still taken after SIGTERM, while `/readyz` already says no: at least as
        /// long as load balancers need to see that.
        linger_ms: u64 = 0,
        /// How long open requests may go on after that.
        drain_ms: u64 = 20_000,
    }
}

section! {
    /// `[data]`
    Data {
        /// Directory of the embedded store, objects, uploads in progress and keys.
        directory: String = "./vitrine-data".into(),
        /// Directory of the keys, which must be the same on all nodes of a cluster. Empty: `keys` in the
        /// data directory.
        keys: String = String::new(),
    }
}

section! {
    /// `[cql]`
    Cql {
        /// `host:port` of some nodes of ScyllaDB or Cassandra, with commas between. Empty: records are
        /// kept in the data directory, and this is the only node.
        nodes: String = String::new(),
        /// Keyspace; `vitrine migrate` makes it.
        keyspace: String = "vitrine".into(),
        /// Copies of each row, for `vitrine migrate`.
        replication: u8 = 3,
        /// Data center whose nodes are asked. Empty: any.
        datacenter: String = String::new(),
        /// User. Empty: none.
        user: String = String::new(),
        /// The user's password; better given as `VITRINE_CQL__PASSWORD`.
        password: String = String::new(),
    }
}

section! {
    /// `[redis]`
    Redis {
        /// `redis://host:port`, of a Redis Cluster some nodes with commas between. Needed with `cql.nodes`.
        urls: String = String::new(),
        /// Whether it is a Redis Cluster.
        cluster: bool = false,
        /// Begins every key.
        prefix: String = "vitrine".into(),
    }
}

section! {
    /// `[log]`
    Log {
        /// A level (`error`, `warn`, `info`, `debug`, `trace`) or a list such as `info,vitrine::worker=debug`.
        /// The CQL driver tells every step it takes, and its failures come back with the request.
        filter: String = "info,scylla=error".into(),
        /// `text` or `json`.
        format: String = "text".into(),
    }
}

section! {
    /// `[metrics]`
    Metrics {
        /// Whether `GET /metrics` answers without a token of the scope `operator`. It also does while
        /// `server.listen` is a loopback address and `server.public_url` is empty.
        open: bool = false,
        /// Whether answers tell in `Server-Timing` how many calls to stores they took.
        show_calls: bool = false,
        /// Time between audits of books, stock and orders, whose findings are among the figures. Each one
        /// reads all of them. 0: never.
        audit_interval_ms: u64 = 3_600_000,
    }
}

section! {
    /// `[traces]`
    Traces {
        /// Base URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`: spans of requests go
        /// to `/v1/traces` below it. Empty: no traces. Headers that it wants, such as a key, are read from the usual
        /// `OTEL_EXPORTER_OTLP_HEADERS`.
        otlp_endpoint: String = String::new(),
        /// Share (0 to 1) of the traces begun here that are exported. 0: none at all, whatever callers ask for.
        sample_ratio: f64 = 1.0,
        /// Whether a caller's `traceparent` decides if its request is exported. `false` where strangers are not
        /// stopped from sending one: their traces go on, and `sample_ratio` decides.
        follow_callers: bool = true,
        /// Finished spans that wait for their export; more are dropped and counted.
        queue_spans_max: usize = 4_096,
        /// Spans in one export.
        batch_spans_max: usize = 512,
        /// Longest time a finished span waits for others to be exported with.
        export_interval_ms: u64 = 2_000,
        /// Longest time for one export, and for all that is left at the end of the process.
        export_timeout_ms: u64 = 3_000,
    }
}

section! {
    /// `[auth]`
    Auth {
        /// The name this installation issues tokens under.
        issuer: String = "vitrine".into(),
        /// The audience that tokens must name.
        audience: String = "vitrine".into(),
        /// Whether anybody may get a guest's token from `POST /v1/guest-tokens`.
        guests: bool = true,
        /// Issuer of tokens that are made elsewhere. Empty: none.
        trusted_issuer: String = String::new(),
        /// That issuer's keys (JWKS): a file or an `https` URL, read at start.
        trusted_keys: String = String::new(),
    }
}

section! {
    /// `[market]`
    Market {
        /// Country of new accounts, ISO 3166-1 alpha-2.
        default: String = "US".into(),
    }
}

section! {
    /// `[objects]`
    Objects {
        /// URL of an outside S3. Empty: objects are kept in the data directory.
        endpoint: String = String::new(),
        /// Region of the outside S3.
        region: String = "us-east-1".into(),
        /// Bucket; it must exist on an outside S3.
        bucket: String = "vitrine".into(),
        /// Access key of the outside S3, or of the embedded one that listens.
        access_key: String = String::new(),
        /// Its secret key; better given as `VITRINE_OBJECTS__SECRET_KEY`.
        secret_key: String = String::new(),
        /// Whether the bucket stands in the path (most servers but AWS) instead of the host name.
        path_style: bool = true,
        /// Whether objects carry checksums, which are verified on both ways. `false` for servers that
        /// refuse them.
        checksums: bool = true,
        /// Address on which the embedded S3 also listens for outside tools, which sign with `access_key` and
        /// `secret_key`. Empty: it does not.
        listen: String = String::new(),
        /// How long a link to a clip or picture stays good, at least.
        grant_ttl_ms: u64 = 6 * 3_600_000,
    }
}

section! {
    /// `[uploads]`
    Uploads {
        /// Largest upload.
        bytes_max: u64 = 2 * 1024 * 1024 * 1024,
        /// How long an unfinished upload is kept after its last byte.
        ttl_ms: u64 = 24 * 3_600_000,
        /// Unfinished uploads of one creator.
        per_account_max: usize = 50,
    }
}

section! {
    /// `[media]`
    Media {
        /// Transcodes at once on this node. 0: this node makes none.
        workers: usize = 1,
        /// x264 preset: `ultrafast` … `slow`.
        preset: String = "veryfast".into(),
        /// Longest clip; ten minutes is the most.
        clip_duration_ms_max: u64 = 600_000,
        /// Longest time for one transcode.
        transcode_timeout_ms: u64 = 15 * 60_000,
    }
}

section! {
    /// `[feed]`
    Feed {
        /// How long a watched clip stays away; at most 366.
        suppression_days: u32 = 30,
        /// How long a cursor is good: a minute to a week.
        session_ttl_ms: u64 = 24 * 3_600_000,
        /// How often what was learned from watching is stored, by one of the nodes: a start goes on from
        /// there. At least 1000.
        model_interval_ms: u64 = 600_000,
    }
}

section! {
    /// `[shop]`
    Shop {
        /// The platform's fee on items sold, in basis points.
        platform_fee_bps: u16 = 500,
        /// The creator's share of items sold through a clip, in basis points.
        creator_commission_bps: u16 = 1_000,
        /// Days in which a buyer may send things back.
        return_window_days: u32 = 30,
        /// Price of standard delivery: a list of currencies with minor units. Products can be sold in the
        /// currencies that are named here or for express delivery; others are refused.
        standard_shipping: Vec<String> = same_price("499"),
        /// Price of express delivery, likewise. A currency that is left out has no such delivery.
        express_shipping: Vec<String> = same_price("999"),
    }
}

/// One number of minor units in the currencies that are served by default.
fn same_price(minor: &str) -> Vec<String> {
    ["USD", "EUR", "GBP"].map(|code| format!("{code} {minor}")).to_vec()
}

section! {
    /// `[ranking]`: what the feed values. A change in the file acts within seconds, without a restart.
    Ranking {
        /// What a skip is worth, in full watches; negative, since nobody wants it.
        weight_skip: f64 = -0.8,
        /// A watch to the end.
        weight_finish: f64 = 0.5,
        /// A watch once over; loops count as more.
        weight_watched: f64 = 1.0,
        /// A like or save.
        weight_like: f64 = 4.0,
        /// A share.
        weight_share: f64 = 12.0,
        /// A follow of the creator.
        weight_follow: f64 = 12.0,
        /// A viewer who is not interested, hides or reports.
        weight_not_interested: f64 = -40.0,
        /// A tap on a product.
        weight_tap: f64 = 3.0,
        /// A product in the cart, after a tap.
        weight_cart: f64 = 8.0,
        /// A purchase, after a tap. What anybody earns by it is no input.
        weight_buy: f64 = 20.0,
        /// The viewer's taste, per unit of affinity (-1 to 1).
        weight_affinity: f64 = 1.2,
        /// That the viewer follows the creator.
        weight_followed: f64 = 0.4,
        /// Share (0 to 1) by which a clip of this minute is lifted, if it is worth anything.
        factor_freshness: f64 = 0.3,
        /// Share (0 to 1) that a clip loses whose products are all sold out.
        factor_sold_out: f64 = 0.4,
    }
}

impl Ranking {
    /// The value model that is written here.
    pub fn values(&self) -> ValueModel {
        let weights = [
            self.weight_skip,
            self.weight_finish,
            self.weight_watched,
            self.weight_like,
            self.weight_share,
            self.weight_follow,
            self.weight_not_interested,
            self.weight_tap,
            self.weight_cart,
            self.weight_buy,
            self.weight_affinity,
            self.weight_followed,
        ];
        let factors = [self.factor_freshness, self.factor_sold_out];
        ValueModel {
            weights: weights.map(|weight| weight as f32),
            factors: factors.map(|factor| factor as f32),
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// The edge.
    pub server: Server,
    /// Where data lies.
    pub data: Data,
    /// The cluster's records.
    pub cql: Cql,
    /// The cluster's hot state.
    pub redis: Redis,
    /// The log.
    pub log: Log,
    /// Figures.
    pub metrics: Metrics,
    /// Spans for a collector.
    pub traces: Traces,
    /// Tokens.
    pub auth: Auth,
    /// Where people watch and buy.
    pub market: Market,
    /// The object store.
    pub objects: Objects,
    /// Resumable uploads.
    pub uploads: Uploads,
    /// Transcoding.
    pub media: Media,
    /// The feed.
    pub feed: Feed,
    /// What it values.
    pub ranking: Ranking,
    /// The shop.
    pub shop: Shop,
}

/// Key and the lines of its meaning.
pub type KeyDocs = &'static [(&'static str, &'static [&'static str])];

/// Section, then key and meaning: all that may stand in the file.
pub const SECTIONS: &[(&str, KeyDocs)] = &[
    ("server", Server::KEYS),
    ("data", Data::KEYS),
    ("cql", Cql::KEYS),
    ("redis", Redis::KEYS),
    ("log", Log::KEYS),
    ("metrics", Metrics::KEYS),
    ("traces", Traces::KEYS),
    ("auth", Auth::KEYS),
    ("market", Market::KEYS),
    ("objects", Objects::KEYS),
    ("uploads", Uploads::KEYS),
    ("media", Media::KEYS),
    ("feed", Feed::KEYS),
    ("ranking", Ranking::KEYS),
    ("shop", Shop::KEYS),
];
