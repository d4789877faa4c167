//! The client's errors as the four kinds of a store.

use std::error::Error;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::error::SdkError;
use aws_smithy_checksums::body::validate::Error as WrongChecksum;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::byte_stream::error::Error as BodyError;

use crate::ports::error::Cause;
use crate::ports::error::StoreError;

/// The HTTP status of an answer, if there was one.
fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether the answer was that there is no such object. A missing bucket is not that: it is a
/// mistake of the operator.
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    status(error) == Some(404) && code != Some("NoSuchBucket")
}

/// Whether the answer was that the range lies outside the object.
pub(super) fn is_outside<E>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(416)
}

/// A read that failed: nothing happened, whatever the reason.
pub(super) fn of_read<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + Send + Sync + 'static,
{
    StoreError::unavailable(error)
}

/// A body that broke off: damaged when its bytes are not those that were put, else lost on the way.
pub(super) fn of_body(error: BodyError, at: String) -> StoreError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(found) = cause {
        if let Some(wrong) = found.downcast_ref::<WrongChecksum>() {
            return StoreError::Corrupt { table: "objects", key: at, detail: wrong.to_string() };
        }
        cause = found.source();
    }
    StoreError::unavailable(error)
}

/// A write that failed: after a lost or unreadable answer, or a server that broke down over it, it
/// may have happened. A plain refusal (4xx, 503) says that it did not.
pub(super) fn of_write<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + Send + Sync + 'static,
{
    let refused =
        status(&error).is_some_and(|status| (400..500).contains(&status) || status == 503);
    let unsent = matches!(error, SdkError::ConstructionFailure(_));
    let cause: Cause = Box::new(error);
    if refused || unsent {
        StoreError::Unavailable(cause)
    } else {
        StoreError::OutcomeUnknown(cause)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::put_object::PutObjectError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn answer(status: u16) -> SdkError<PutObjectError, HttpResponse> {
        let status = StatusCode::try_from(status).unwrap();
        let response = HttpResponse::new(status, SdkBody::empty());
        SdkError::service_error(PutObjectError::unhandled("refused"), response)
    }

    #[test]
    fn only_a_refusal_says_that_nothing_was_written() {
        for (status, refused) in [(400, true), (404, true), (503, true), (200, false), (500, false)]
        {
            let kind = of_write(answer(status));
            assert_eq!(matches!(kind, StoreError::Unavailable(_)), refused, "{status}");
            assert!(matches!(of_read(answer(status)), StoreError::Unavailable(_)));
        }
        assert!(is_absent(&answer(404)) && !is_absent(&answer(403)) && is_outside(&answer(416)));
    }
}
