//! Counters of the gateway, in OpenMetrics names.

use aws_wire::catalog::Service;
use parking_lot::RwLock;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a recorded call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    /// Catalog id of the service.
    pub service: String,
    /// What came of it.
    pub outcome: CallOutcome,
}

/// What came of a recorded call, by its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// It was carried out.
    Ok,
    /// Status 400 to 499.
    ClientError,
    /// Status 500 and above, or no answer.
    ServerError,
}

impl EncodeLabelValue for CallOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let text = match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

/// The counters of calls, found without hashing the name of the service.
#[derive(Debug)]
pub struct CallCounters {
    calls: Family<CallLabels, Counter>,
    /// By service, in the order in which services were first called. Few installations call more than some dozens.
    found: RwLock<Vec<(&'static Service, [Counter; 3])>>,
}

impl CallCounters {
    /// Over the counters of an installation.
    pub fn new(metrics: &GatewayMetrics) -> Self {
        Self { calls: metrics.calls.clone(), found: RwLock::default() }
    }

    /// Counts one call.
    pub fn count(&self, service: &'static Service, outcome: CallOutcome) {
        let counted = self.found.read().iter().find(|(found, _)| std::ptr::eq(*found, service)).map(|(_, counters)| {
            counters[outcome as usize].inc();
        });
        if counted.is_none() {
            let counter = |outcome| {
                let labels = CallLabels { service: service.id.clone(), outcome };
                self.calls.get_or_create(&labels).clone()
            };
            let counters = [CallOutcome::Ok, CallOutcome::ClientError, CallOutcome::ServerError].map(counter);
            counters[outcome as usize].inc();
            // Another thread may have entered the same service meanwhile; its entry shares these counters.
            self.found.write().push((service, counters));
        }
    }
}

/// Counters of the gateway.
#[derive(Debug, Clone, Default)]
pub struct GatewayMetrics {
    /// Calls recorded, by service and outcome.
    pub calls: Family<CallLabels, Counter>,
    /// Requests that are no AWS calls, passed on untouched.
    pub unrecognised: Counter,
    /// Calls of unknown callers to our own API that were refused and not recorded.
    pub unrecorded_unknown_callers: Counter,
    /// Calls that were refused with 503 because they could not be recorded.
    pub refused_unrecordable: Counter,
    /// Calls that went on unrecorded (`open` mode).
    pub unrecorded: Counter,
    /// Forwarded calls that an upstream did not answer.
    pub upstream_failures: Counter,
    /// Open connections.
    pub connections: Gauge,
    /// Calls being served.
    pub calls_in_flight: Gauge,
    /// Time that a caller waited for records to become durable, seconds.
    pub durable_seconds: DurableSeconds,
}

/// Histogram of waits for durability.
#[derive(Debug, Clone)]
pub struct DurableSeconds(pub Histogram);

impl Default for DurableSeconds {
    fn default() -> Self {
        // 50 µs to 3.3 s: below is memory, above is a broken disk.
        Self(Histogram::new(exponential_buckets(0.000_05, 3.0, 11)))
    }
}

impl GatewayMetrics {
    /// Registers all counters.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("opentrail_gateway");
        registry.register("calls", "Calls recorded", self.calls.clone());
        registry.register(
            "unrecognised_requests",
            "Requests that are no AWS calls, passed on untouched",
            self.unrecognised.clone(),
        );
        registry.register(
            "unknown_callers",
            "Calls of unknown callers to the CloudTrail API, refused and not recorded",
            self.unrecorded_unknown_callers.clone(),
        );
        registry.register(
            "refused_unrecordable_calls",
            "Calls refused because they could not be recorded",
            self.refused_unrecordable.clone(),
        );
        registry.register("unrecorded_calls", "Calls that went on unrecorded in open mode", self.unrecorded.clone());
        registry.register(
            "upstream_failures",
            "Forwarded calls that an upstream did not answer",
            self.upstream_failures.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("calls_in_flight", "Calls being served", self.calls_in_flight.clone());
        registry.register(
            "durable_seconds",
            "Time that callers waited for records to become durable",
            self.durable_seconds.0.clone(),
        );
    }
}
