//! Every bound of the engine, with the reason for its value.
//!
//! A bound that an operator may want to move is configuration and only has its default here. The
//! `const` assertions hold the relations between bounds.

use crate::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// Largest JSON body: a batch of 500 events of about 400 bytes fits with room to spare.
pub const BODY_BYTES_MAX: usize = 512 * 1024;
/// Largest picture of a product: what a phone's camera makes, without compression tricks.
pub const IMAGE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Events of one batch (API contract).
pub const EVENTS_PER_BATCH_MAX: usize = 500;
/// Items of one list page; more is a second request.
pub const PAGE_LEN_MAX: u32 = 100;
/// Items of a list page when the client does not say.
pub const PAGE_LEN_DEFAULT: u32 = 20;
/// Clips of one feed page when the client does not say: about a minute of watching.
pub const FEED_PAGE_LEN_DEFAULT: u32 = 10;
/// Clips of one feed page at most.
pub const FEED_PAGE_LEN_MAX: u32 = 50;
/// Product tags of one clip (API contract).
pub const TAGS_PER_CLIP_MAX: usize = 30;
/// Variants of one product; Shopify and Google Merchant feeds stay at or below 100 by default.
pub const VARIANTS_PER_PRODUCT_MAX: usize = 100;
/// Pictures of one product.
pub const IMAGES_PER_PRODUCT_MAX: usize = 10;
/// Named choices of one variant; colour, size and material leave room.
pub const OPTIONS_PER_VARIANT_MAX: usize = 10;
/// Length of a URL that we keep; browsers and CDNs agree on about two thousand.
pub const URL_BYTES_MAX: usize = 2_000;
/// Lines of one checkout.
pub const LINES_PER_CHECKOUT_MAX: usize = 20;
/// Units of one line.
pub const UNITS_PER_LINE_MAX: u32 = 100;
/// Pending holds of one variant: bounds its partition and what one hoarder can pile up.
pub const HOLDS_PER_VARIANT_MAX: usize = 10_000;
/// Open checkouts of one account: bounds hold hoarding.
pub const OPEN_CHECKOUTS_PER_ACCOUNT_MAX: usize = 20;
/// Units on hand of one variant; sums of holds stay far from overflow.
pub const ON_HAND_MAX: u32 = 1_000_000_000;
/// Largest price of one unit in minor units: 20 lines of 100 units still sum within 63 bits.
pub const UNIT_PRICE_MINOR_MAX: i64 = 1_000_000_000_000;
/// How long stock is held for an open checkout: long enough to type an address and pass a bank's
/// challenge, short enough that an abandoned one does not starve others.
pub const HOLD_TTL_MS: i64 = 10 * MINUTE_MS;
/// How long a quoted price is honoured.
pub const QUOTE_TTL_MS: i64 = 15 * MINUTE_MS;
/// How long one process may work on a checkout before another takes it over: longer than a store
/// deadline, so that a slow write is not doubled, short enough that a buyer waits it out.
pub const CHECKOUT_LEASE_MS: i64 = 15 * SECOND_MS;
/// How often a payment that waits for its buyer, or has no known outcome, is looked up.
pub const PAYMENT_POLL_MS: i64 = 5 * SECOND_MS;
/// Tries to pay one checkout; each leaves a record of its key in the row.
pub const COMPLETIONS_PER_CHECKOUT_MAX: usize = 20;
/// How often a step is tried again when others wrote first, before the caller is told to come back.
pub const CONFLICT_RETRIES_MAX: usize = 8;
/// How long the sandbox remembers a challenge: as long as the purchase that asked for it is remembered.
pub const SANDBOX_CHALLENGE_TTL_MS: i64 = 31 * DAY_MS;
/// A click on a clip earns its creator a commission for this long.
pub const ATTRIBUTION_TTL_MS: i64 = 7 * DAY_MS;
/// How long an idempotency record is kept (API contract).
pub const IDEMPOTENCY_TTL_MS: i64 = 30 * DAY_MS;
/// How long the memory of a purchase outlives its time to pay: its keys were all used before that, but
/// for those that met a server which was just starting again.
pub const CHECKOUT_MEMORY_MS: i64 = IDEMPOTENCY_TTL_MS + DAY_MS;
/// How long an event's id is remembered. A client may repeat an event for `EVENT_AGE_MS_MAX`; a purchase
/// is told again when a payment's outcome is found out late.
pub const EVENT_IDS_TTL_MS: i64 = 30 * DAY_MS;
/// Entries of the change log that are kept for nodes that lag behind: a quarter of an hour of a
/// thousand changes a second. A node that lags further builds its index anew.
pub const CHANGES_KEPT_MAX: u64 = 1_000_000;
/// Length of an `Idempotency-Key`: a UUID has 36 characters, vendors prefix it.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Text fields, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// A caption with hashtags.
pub const CAPTION_CHARS_MAX: usize = 2_200;
/// A product's description.
pub const DESCRIPTION_CHARS_MAX: usize = 5_000;
/// Short names: handles, options, SKUs, address lines.
pub const NAME_CHARS_MAX: usize = 100;
/// Commands that one commit of the embedded store may carry: the group is bounded so that its
/// slowest command delays the others by milliseconds.
pub const COMMIT_GROUP_MAX: usize = 512;
/// How long the embedded store keeps back a write that nobody waits for, so that many share a commit;
/// a crash may lose what happened in this time and is made up for by what clients carry.
pub const LATE_WRITE_MS: u64 = 50;
/// Pages of feeds that wait to be written; further ones are not kept. At half a KiB each, 4 MiB.
pub const UNWRITTEN_PAGES_MAX: usize = 8_192;
/// Commands that may wait for the embedded store's writer before callers are told to come back.
pub const WRITE_QUEUE_MAX: usize = 8_192;
/// Longest wait for a slot in the write queue or for a commit.
pub const STORE_DEADLINE_MS: i64 = 10 * SECOND_MS;
/// Longest wait for a node of the cluster to take a connection.
pub const CQL_CONNECT_DEADLINE_MS: u64 = 3_000;
/// Longest wait for a read from the cluster: a few times the slowest quorum of a healthy one.
pub const CQL_READ_DEADLINE_MS: u64 = 2_000;
/// Longest wait for a plain write to the cluster.
pub const CQL_WRITE_DEADLINE_MS: u64 = 3_000;
/// Longest wait for a conditional write or a serial read: above the server's own limit for it, so that the server's
/// better informed answer comes first.
pub const CQL_CONDITIONAL_DEADLINE_MS: u64 = 4_000;
/// Longest wait for one statement that changes the schema.
pub const CQL_SCHEMA_DEADLINE_MS: u64 = 30_000;
/// Longest wait for another node that migrates the schema.
pub const CQL_MIGRATE_DEADLINE_MS: u64 = 120_000;
/// Changes of one variant's stock that one conditional write carries: at about 150 bytes each they stay
/// below the 50 KiB at which Cassandra refuses a batch.
pub const STOCK_GROUP_MAX: usize = 128;
/// Changes of one variant's stock that may wait on one node before buyers are told to come back.
pub const STOCK_QUEUE_MAX: usize = 4_096;
/// How long the cluster remembers a hold that has ended: as long as an idempotency key.
pub const ENDED_HOLD_TTL_MS: i64 = IDEMPOTENCY_TTL_MS;
/// How long a node waits for a wake-up before it looks at a shared log or queue by itself.
pub const LOG_POLL_MS: u64 = 250;
/// Entries that may wait on one node to be appended to a log before callers are told to come back.
pub const LOG_QUEUE_MAX: usize = 20_000;
/// Bytes of the entries of one append: Cassandra refuses batches above 50 KiB.
pub const LOG_GROUP_BYTES_MAX: usize = 24 * 1024;
/// How long the cluster keeps events beside their viewer, for rebuilding tastes: older ones have decayed.
pub const HISTORY_TTL_MS: i64 = 90 * DAY_MS;
/// Longest wait for an answer of Redis, which serves memory: beyond it the caller does without.
pub const REDIS_DEADLINE_MS: u64 = 200;
/// Longest wait of a feed page for the stores. Then it is made of what is in memory, and says so: a page
/// that is a little less apt is better than a spinner.
pub const FEED_STORE_DEADLINE_MS: u64 = 1_000;
/// Longest wait for a connection to Redis.
pub const REDIS_CONNECT_DEADLINE_MS: u64 = 500;
/// How long calls fail at once after Redis did not answer: a frozen server costs one request in a while
/// its patience, not every request.
pub const REDIS_REST_MS: u64 = 1_000;
/// Wake-ups that a stream keeps: who is further behind looks for itself anyway.
pub const WAKEUPS_KEPT_MAX: usize = 256;
/// Served pages that may wait on one node to be recorded; more are dropped.
pub const PAGES_UNRECORDED_MAX: usize = 4_096;
/// Products that a node of a cluster keeps in memory; at about 2 KiB each, 64 MiB.
pub const PRODUCTS_CACHED_MAX: usize = 32_768;
/// Accounts that a node of a cluster keeps in memory; at about 256 bytes each, 16 MiB.
pub const ACCOUNTS_CACHED_MAX: usize = 65_536;
/// How long the node that keeps house may be silent before another one does.
pub const OFFICE_LEASE_MS: i64 = 15 * SECOND_MS;
/// How often a node asks for the office, or keeps it.
pub const OFFICE_RENEWAL_MS: u64 = 5_000;
/// Rows that a reconciler touches per activation.
pub const RECONCILER_BATCH_MAX: usize = 200;
/// A job is begun this often before it is parked, whether its tries failed or took their workers down.
pub const JOB_ATTEMPTS_MAX: u32 = 3;
/// A job is begun this often, however its workers ended: a machine that goes down again and again must
/// not cost a creator the clip, and a job that takes its worker with it must end some day.
pub const JOB_CLAIMS_MAX: u32 = 32;
/// A lease outlives three missed heartbeats.
pub const JOB_LEASE_MS: i64 = 30 * SECOND_MS;
/// How often a worker renews its lease.
pub const JOB_HEARTBEAT_MS: i64 = 8 * SECOND_MS;
/// Longest wait between two tries of a job.
pub const JOB_BACKOFF_MS_MAX: i64 = 5 * MINUTE_MS;
/// Longest wait before a job is tried again that failed because a store was away: clips go on soon after
/// an outage, and a few queries a minute harm nobody during one.
pub const JOB_OUTAGE_BACKOFF_MS_MAX: i64 = 10 * SECOND_MS;
/// How far a client's clock may be ahead of ours.
pub const EVENT_SKEW_MS_MAX: i64 = 5 * MINUTE_MS;
/// How long a client may keep an event back, as when it was offline.
pub const EVENT_AGE_MS_MAX: i64 = 7 * DAY_MS;
/// Longest watch of one showing: a day says that the clock or the client is wrong.
pub const WATCH_MS_MAX: u32 = 24 * 60 * 60 * 1_000;
/// Most loops of one showing: a one-second clip, watched for hours.
pub const LOOPS_MAX: u32 = 10_000;
/// Highest place on a page that an event may name; far above any page.
pub const FEED_POSITION_MAX: u32 = 10_000;
/// How long a watched clip is not shown to the same viewer again, unless configured otherwise.
pub const SEEN_WINDOW_MS: i64 = 30 * DAY_MS;
/// Longest configured time: who watched a clip a year ago may see it again.
pub const SEEN_WINDOW_MS_MAX: i64 = 366 * DAY_MS;
/// Clips that one viewer's suppression remembers: 30 days of two thousand clips.
pub const SEEN_PER_VIEWER_MAX: usize = 60_000;
/// Events of a viewer that tastes are rebuilt from: older ones have decayed or repeat themselves.
pub const HISTORY_PER_VIEWER_MAX: usize = 500;
/// Creators, hashtags, categories and products that one viewer's tastes hold.
pub const TASTES_PER_VIEWER_MAX: usize = 256;
/// Accounts that one viewer may follow, and may block.
pub const RELATIONS_PER_VIEWER_MAX: usize = 10_000;
/// Viewers whose state is kept in memory; at about 4 KiB each, a quarter of a gigabyte.
pub const VIEWERS_IN_MEMORY_MAX: usize = 65_536;
/// Feed sessions kept in memory; at about 8 KiB each, an eighth of a gigabyte.
pub const SESSIONS_IN_MEMORY_MAX: usize = 16_384;
/// How often counters are made durable: what came since then is replayed at a start.
pub const COUNTERS_SNAPSHOT_MS: i64 = 5 * SECOND_MS;
/// How long a feed cursor leads on, unless configured otherwise.
pub const FEED_SESSION_TTL_MS: i64 = 24 * HOUR_MS;
/// Longest configured time: a session keeps the market and the pages of its beginning.
pub const FEED_SESSION_TTL_MS_MAX: i64 = 7 * DAY_MS;
/// Pages of one feed session: a day of watching without a pause.
pub const FEED_PAGES_PER_SESSION_MAX: u32 = 20_000;
/// Parts of a share of the feed: finer than any page can tell.
pub const SHARE_WHOLE: u32 = 1_000_000;
/// Places over which a viewer's share of clips with something to buy is counted: two usual pages.
pub const BUDGET_WINDOW: usize = 20;
/// Clips with something to buy that a session keeps for later when its viewer wants few of them: more
/// would take the walk's places from clips that may be shown.
pub const SHOPPABLE_LEFTOVERS_MAX: usize = 64;
/// Viewers that the learner remembers one by one, a power of two; at about 2 KiB each, 128 MiB.
pub const LEARNED_VIEWERS_MAX: usize = 1 << 16;
/// Clips that the learner remembers one by one, a power of two; at about 1.2 KiB each, 160 MiB.
pub const LEARNED_CLIPS_MAX: usize = 1 << 17;
/// Events that a process without a stored model goes back to learn from: some seconds of work.
pub const LEARN_BACK_MAX: u64 = 200_000;
/// Bytes of a model: several times what a full one takes.
pub const MODEL_BYTES_MAX: u64 = 2 << 30;
/// Models that are looked at at once: those of several weeks of restarts.
pub const MODELS_LISTED_MAX: u32 = 1_000;
/// Models that stay in any case: should the last be damaged, there are others.
pub const MODELS_KEPT: usize = 3;
/// Events of one viewer that a replay reads to know what the viewer's rows were: a year of heavy use.
pub const REPLAY_HISTORY_MAX: usize = 200_000;
/// Clips of a past state that stays in memory for the next replay: about 100 MB. A larger one is built anew.
pub const REPLICA_CLIPS_KEPT_MAX: usize = 100_000;
/// Bytes of the heads of a past state that stays in memory for the next replay.
pub const REPLICA_LEARNED_KEPT_MAX: usize = 128 << 20;
/// Bytes of one object of the ranking's history: some thousand clips.
pub const STEP_GROUP_BYTES_MAX: usize = 512 * 1024;
/// Bytes of the ranking's history that may wait to be kept: what a start with a million clips makes.
pub const STEPS_UNFLUSHED_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Clips that a session walked past and has not shown yet.
pub const LEFTOVERS_PER_SESSION_MAX: usize = 256;
/// Clips in the running for one page: bounds its cost whatever the sources bring.
pub const CANDIDATES_PER_PAGE_MAX: usize = 1_024;
/// Longest wait for a source that is not ready at once: late candidates are not worth a stalled swipe.
pub const SOURCE_DEADLINE_MS: u64 = 50;
/// Hashtags of a clip that the feed ranks by; more are decoration.
pub const HASHTAGS_PER_CLIP_MAX: usize = 4;
/// Impressions that every new clip is owed before it has to stand on its own counters.
pub const EXPLORE_IMPRESSIONS: f32 = 50.0;
/// Until what age a clip is owed them.
pub const EXPLORE_AGE_MS_MAX: i64 = 14 * DAY_MS;
/// Length of an object's key: prefix, two ids and a file name fit several times; S3 allows 1,024.
pub const OBJECT_KEY_BYTES_MAX: usize = 512;
/// Length of one `/`-separated segment of a key: with its escapes it still fits a file name.
pub const OBJECT_KEY_SEGMENT_BYTES_MAX: usize = 80;
/// Objects of one list page or one delete batch (the bound of S3).
pub const OBJECT_PAGE_LEN_MAX: u32 = 1_000;
/// Parts of one multipart upload (the bound of S3).
pub const OBJECT_PARTS_MAX: u64 = 10_000;
/// Bytes that one object request gathers before it hands them to the disk. Two such buffers are
/// alive at once, so a request stays below 256 KiB.
pub const OBJECT_BUFFER_BYTES: usize = 64 * 1024;
/// Largest uploaded clip: an hour of phone video at 8 Mbit/s fits.
pub const UPLOAD_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How long an unfinished or unused upload is kept.
pub const UPLOAD_TTL_MS: i64 = DAY_MS;
/// Pairs in an upload's metadata.
pub const UPLOAD_METADATA_PAIRS_MAX: usize = 16;
/// Bytes of all keys and values of an upload's metadata.
pub const UPLOAD_METADATA_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an upload that are gathered before they go to the disk.
pub const SPOOL_BUFFER_BYTES: usize = 256 * 1024;
/// Appends that one upload may be made of where nodes share the spool: each append looks at all of them,
/// which are ten pages of a list.
pub const SPOOL_PIECES_MAX: usize = 10_000;
/// Longest clip; configuration may only lower it, for other bounds follow from it.
pub const CLIP_DURATION_MS_MAX: i64 = 10 * MINUTE_MS;
/// Shortest clip: players built on Media Source Extensions lose pages over clips of a few frames.
pub const CLIP_DURATION_MS_MIN: i64 = 500;
/// Smallest side of a source picture, in pixels: below it encoders and filters reach their edges.
pub const SOURCE_SIDE_MIN: u32 = 64;
/// Largest side of a source picture, in pixels: 8K.
pub const SOURCE_SIDE_MAX: u32 = 8_192;
/// Largest source picture, in pixels: 8K with a macroblock to spare. One decoded frame is 54 MB.
pub const SOURCE_PIXELS_MAX: u64 = 8_192 * 4_352;
/// Streams of one source; phones write up to eight.
pub const SOURCE_STREAMS_MAX: usize = 32;
/// Wall time of one transcode, three times what a ten-minute clip takes on one quiet core.
pub const TRANSCODE_DEADLINE_MS: i64 = 60 * MINUTE_MS;
/// Processor time of one transcode, in seconds, over all its threads.
pub const TRANSCODE_CPU_SECONDS_MAX: u64 = 3_600;
/// Address space of one transcode: 1080p uses a tenth of it, 8K sources about half.
pub const TRANSCODE_MEMORY_BYTES_MAX: u64 = 6 << 30;
/// Largest file that a transcode may write.
pub const TRANSCODE_FILE_BYTES_MAX: u64 = 1 << 30;
/// One line that a transcoder prints; a path and a few numbers take 200 bytes.
pub const TRANSCODE_LINE_BYTES_MAX: usize = 16 * 1024;
/// What is kept of a transcoder's standard error: its last words explain a crash.
pub const TRANSCODE_STDERR_BYTES_MAX: usize = 4 * 1024;
/// Files of one transcode: six tracks of two-second segments over the longest clip, and playlists.
pub const TRANSCODE_FILES_MAX: usize = 2_048;

/// Bytes of one file of an evaluation's data, unpacked: twenty million rows of a hundred bytes.
pub const EVAL_FILE_BYTES_MAX: u64 = 4 << 30;
/// Rows of one file of an evaluation's data: what fits into a few gigabytes with what is learned from it.
pub const EVAL_ROWS_MAX: usize = 20_000_000;
/// Users or items of an evaluation's data; the public short-video logs have a tenth of it.
pub const EVAL_IDS_MAX: usize = 5_000_000;
/// Largest manifest of an evaluation's data; one names a dozen files.
pub const EVAL_MANIFEST_BYTES_MAX: u64 = 64 * 1024;
/// Viewers of a simulated world; a life of them for a fortnight takes an hour per policy.
pub const WORLD_VIEWERS_MAX: usize = 20_000;
/// Creators of a simulated world: with their clips, some hundred thousand.
pub const WORLD_CREATORS_MAX: usize = 10_000;
/// Products of a simulated world.
pub const WORLD_PRODUCTS_MAX: usize = 50_000;
/// Days of a simulated world: a season.
pub const WORLD_DAYS_MAX: usize = 90;
/// Viewers times clips of a simulated world: what each clip is worth to each viewer is kept in four bytes.
pub const WORLD_PAIRS_MAX: usize = 100_000_000;

const _: () = {
    assert!(CLIP_DURATION_MS_MIN < CLIP_DURATION_MS_MAX && SOURCE_SIDE_MIN < SOURCE_SIDE_MAX);
    assert!(
        TRANSCODE_FILES_MAX as i64 > 6 * (CLIP_DURATION_MS_MAX / (2 * SECOND_MS) + 2),
        "the longest clip fits"
    );
    assert!(
        (OFFICE_RENEWAL_MS as i64) * 2 < OFFICE_LEASE_MS,
        "an office outlives a missed renewal"
    );
    assert!(JOB_ATTEMPTS_MAX < JOB_CLAIMS_MAX, "a try that fails is judged first");
    assert!(JOB_HEARTBEAT_MS * 3 < JOB_LEASE_MS, "a lease outlives three missed heartbeats");
    assert!(
        HOLD_TTL_MS <= QUOTE_TTL_MS,
        "a hold taken at the last moment of a quote is paid at its price"
    );
    assert!(
        UNIT_PRICE_MINOR_MAX * (UNITS_PER_LINE_MAX as i64)
            < i64::MAX / (LINES_PER_CHECKOUT_MAX as i64),
        "a checkout's total cannot overflow"
    );
    assert!(CHECKOUT_LEASE_MS > STORE_DEADLINE_MS, "a slow write ends before its lease does");
    assert!(CHECKOUT_LEASE_MS < HOLD_TTL_MS, "a takeover still finds the stock held");
    assert!(FEED_PAGE_LEN_DEFAULT <= FEED_PAGE_LEN_MAX && PAGE_LEN_DEFAULT <= PAGE_LEN_MAX);
    assert!(EVENT_IDS_TTL_MS > EVENT_AGE_MS_MAX + EVENT_SKEW_MS_MAX, "no repeat counts twice");
    assert!(COMMIT_GROUP_MAX <= WRITE_QUEUE_MAX);
    assert!(OBJECT_KEY_SEGMENT_BYTES_MAX * 3 + 2 <= 255, "an escaped segment is a file name");
    assert!(OBJECT_BUFFER_BYTES * 4 <= 256 * 1024 && SPOOL_BUFFER_BYTES * 2 <= 1024 * 1024);
};
