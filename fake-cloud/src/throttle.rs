//! Requests that are refused because there are too many, where a run is asked to have them: so many of a service's first ones. A session
//! of MQTT is one of IoT Core's.
//!
//! Only requests that would be believed count: a real service looks at a signature before it counts for an account.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::answer::{Failure, Wire};
use crate::service::Service;

/// How many more of each service's requests are refused.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    left: Mutex<BTreeMap<Service, u32>>,
}

impl Throttle {
    pub(crate) fn new(asked: &[(Service, u32)]) -> Self {
        Self { left: Mutex::new(asked.iter().copied().collect()) }
    }

    /// Refuses so many more of these services' requests.
    pub(crate) fn add(&self, asked: impl IntoIterator<Item = (Service, u32)>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        for (service, many) in asked {
            let more = left.entry(service).or_default();
            *more = more.saturating_add(many);
        }
    }

    /// Lets a request through, or counts it as one that is not.
    pub(crate) fn check(&self, service: Service, wire: Wire) -> Result<(), Failure> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(more) = left.get_mut(&service).filter(|more| **more > 0) else { return Ok(()) };
        *more -= 1;
        Err(refusal(wire))
    }
}

/// Too many requests, in the words of each protocol (IAM user guide, "Common errors"; S3, "Error responses"; models of IoT).
fn refusal(wire: Wire) -> Failure {
    let (status, code) = match wire {
        Wire::S3 => (503, "SlowDown"),
        Wire::Query { .. } => (400, "Throttling"),
        Wire::RestJson => (429, "ThrottlingException"),
        Wire::Json10 | Wire::Json11 | Wire::Cbor => (400, "ThrottlingException"),
    };
    Failure::new(status, code, "Rate exceeded. Please reduce your request rate.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_requests_of_that_service_are_refused_and_no_more() {
        let throttle = Throttle::new(&[(Service::S3, 2)]);
        let code =
            |service, wire| throttle.check(service, wire).map_err(|failure| (failure.status, failure.code));
        assert_eq!(code(Service::Logs, Wire::Json11), Ok(()));
        for _ in 0..2 {
            assert_eq!(code(Service::S3, Wire::S3), Err((503, "SlowDown")));
        }
        assert_eq!(code(Service::S3, Wire::S3), Ok(()));
        throttle.add([(Service::Logs, 1)]);
        assert_eq!(code(Service::Logs, Wire::Json11), Err((400, "ThrottlingException")));
        assert_eq!(code(Service::Logs, Wire::Json11), Ok(()));
    }
}
