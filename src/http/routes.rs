//! All routes on one page.

use axum::Router;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::http::{
    Api, accounts, clips, events, feed, guests, health, images, media, metrics, openapi,
    preferences, receipts, shop, social, uploads, web,
};

/// The API as it is documented: every route comes with its description.
pub fn api() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(accounts::routes())
        .merge(guests::routes())
        .merge(uploads::routes())
        .merge(clips::routes())
        .merge(images::routes())
        .merge(media::routes())
        .merge(feed::routes())
        .merge(receipts::routes())
        .merge(events::routes())
        .merge(social::routes())
        .merge(preferences::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(shop::routes())
}

/// What a node without the API answers: whether it lives and works.
pub fn probes(api: Api) -> Router {
    let (routes, _) = OpenApiRouter::new().merge(health::routes()).split_for_parts();
    routes.with_state(api)
}

/// Everything this server answers.
pub fn all(api: Api) -> Router {
    let (routes, document) = self::api().split_for_parts();
    let document = openapi::finish(document);
    Router::new()
        .merge(routes)
        .merge(web::routes())
        .with_state(api)
        .merge(openapi::reference(document))
        .route("/favicon.ico", get(web::favicon))
}
