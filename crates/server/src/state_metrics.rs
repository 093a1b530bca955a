//! The state of the history and of the trails, in OpenMetrics names, read when they are asked for.

use std::fmt;
use std::sync::Arc;

use model::EventTime;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use store::EventStore;
use trails::{Progress, TrailRegistry};

/// Gauges of the history.
#[derive(Debug)]
pub(crate) struct HistoryState(pub(crate) EventStore);

impl Collector for HistoryState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = self.0.status();
        let mut gauges = vec![
            ("newest_sequence", "Number of the newest durable event", status.newest_sequence),
            ("unsealed_events", "Durable events that are not yet in a segment", status.unsealed_events),
            ("pending_notes", "Calls whose outcome is still open", status.pending_notes),
            ("journal_bytes", "Bytes of the journal", status.journal_bytes),
            ("segments", "Segments", status.segment_count),
            ("segment_bytes", "Bytes of all segments", status.segment_bytes),
            ("local_segments", "Segments that are files of the data folder", status.local_segment_count),
            ("local_segment_bytes", "Bytes of segments that are files of the data folder", status.local_segment_bytes),
            ("cache_bytes", "Memory of events and parts of segments that lookups read", status.cache_bytes),
        ];
        if let Some(bucket) = status.bucket {
            let is_away = u64::from(bucket.is_away);
            gauges.extend([
                ("bucket_segments", "Segments that are in the bucket", bucket.segment_count),
                ("bucket_segment_bytes", "Bytes of segments that are in the bucket", bucket.segment_bytes),
                ("bucket_cache_bytes", "Bytes of the cache of these in the data folder", bucket.cache_bytes),
                ("bucket_objects_to_delete", "Objects in the bucket that wait to be deleted", bucket.to_delete),
                ("bucket_away", "1 while the bucket is not asked because it did not serve", is_away),
            ]);
            let counted = [
                ("bucket_cache_hits", "Reads of segments that the cache answered", bucket.cache_hits),
                ("bucket_cache_misses", "Reads of segments that needed the bucket", bucket.cache_misses),
                ("bucket_requests", "Requests for parts of segments", bucket.requests),
                ("bucket_request_failures", "Requests for parts of segments that failed", bucket.failures),
                ("bucket_fetched_bytes", "Bytes of segments that came from the bucket", bucket.fetched_bytes),
            ];
            for (name, help, value) in counted {
                let counter = ConstCounter::new(value);
                let name = format!("opentrail_history_{name}");
                counter.encode(encoder.encode_descriptor(&name, help, None, counter.metric_type())?)?;
            }
        }
        if let Ok(room) = self.0.measure_room() {
            gauges.push(("disk_free_bytes", "Bytes that are free on the disk of the data folder", room.free_bytes));
            let is_refusing = u64::from(room.refusal.is_some());
            gauges.push(("disk_refusing", "1 when nothing new is recorded for want of room", is_refusing));
        }
        for (name, help, value) in gauges {
            gauge(&mut encoder, &format!("opentrail_history_{name}"), help, value as f64)?;
        }
        Ok(())
    }
}

/// Gauges of each trail.
#[derive(Debug)]
pub(crate) struct TrailState {
    pub(crate) store: EventStore,
    pub(crate) registry: Arc<TrailRegistry>,
}

/// Name, help, and what it says of a trail.
type TrailGauge<'a> = (&'static str, &'static str, Box<dyn Fn(&Progress) -> Option<f64> + 'a>);

impl Collector for TrailState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let newest = self.store.newest_sequence();
        let seconds = |time: Option<EventTime>| time.map(|time| time.as_micros() as f64 / 1e6);
        let gauges: [TrailGauge<'_>; 4] = [
            (
                "events_behind",
                "Recorded events that the delivery has not looked at",
                Box::new(|progress| (!progress.is_stopped).then(|| newest.saturating_sub(progress.cursor) as f64)),
            ),
            (
                "latest_delivery_timestamp_seconds",
                "Time of the last log file",
                Box::new(|progress| seconds(progress.status.latest_delivery)),
            ),
            (
                "latest_digest_timestamp_seconds",
                "Time of the last digest",
                Box::new(|progress| seconds(progress.status.latest_digest_delivery)),
            ),
            (
                "failing",
                "1 when the last attempt to write a log file, a digest or a message failed",
                Box::new(|progress| {
                    let status = &progress.status;
                    let errors =
                        [&status.latest_delivery_error, &status.latest_digest_error, &status.latest_notification_error];
                    Some(f64::from(u8::from(errors.iter().any(|error| error.is_some()))))
                }),
            ),
        ];
        let trails: Vec<_> = self.registry.all();
        for (name, help, value) in gauges {
            let name = format!("opentrail_trail_{name}");
            let mut family =
                encoder.encode_descriptor(&name, help, None, prometheus_client::metrics::MetricType::Gauge)?;
            for trail in &trails {
                let progress = self.registry.progress(&trail.arn);
                if let Some(value) = progress.and_then(|progress| value(&progress)) {
                    let labels = [("trail", trail.arn.as_str())];
                    ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(encoder)
}
