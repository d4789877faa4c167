//! Hands an S3 client's requests to the server in the same process: no port, no socket, no copy.

use std::fmt;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::http::HttpConnectorFuture;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use aws_smithy_runtime_api::client::http::http_client_fn;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::HeaderValue;
use http::header::HOST;
use s3s::Body;
use s3s::StdError;
use s3s::service::S3Service;

/// An HTTP client whose every request goes to `service`, whatever its host says. Requests run on the
/// caller's task: a caller that gives up stops the work.
pub fn in_process_http_client(service: S3Service) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(InProcess { service });
    http_client_fn(move |_settings, _components| connector.clone())
}

struct InProcess {
    service: S3Service,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.service.clone();
        HttpConnectorFuture::new(async move {
            let mut request =
                request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // The signature covers the host, which a connection would have put there.
            if !request.headers().contains_key(HOST)
                && let Some(authority) = request.uri().authority()
            {
                let host = HeaderValue::from_str(authority.as_str())
                    .map_err(|error| ConnectorError::user(error.into()))?;
                request.headers_mut().insert(HOST, host);
            }
            let response = service.call(request.map(Body::http_body_unsync)).await;
            let response =
                response.map_err(|error| ConnectorError::other(StdError::from(error), None))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
